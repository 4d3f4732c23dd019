<?xml version="1.0" encoding="UTF-8"?>
<!-- MeterReadings as text: five fields for each reading, each followed by a tab, which no field can
     hold because white space is normalised: number of the MeterReading, ReadingType, instant, value,
     ReadingQualityTypes. A value that waits for a calculation has the type "pending". -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns:p="http://iec.ch/TC57/2011/MeterReadings#">
  <xsl:output method="text" encoding="UTF-8"/>
  <xsl:template match="/">
    <xsl:for-each select="/p:MeterReadings/p:MeterReading">
      <xsl:variable name="number" select="position() - 1"/>
      <xsl:for-each select="p:IntervalBlocks">
        <xsl:variable name="type">
          <xsl:choose>
            <xsl:when test="p:PendingCalculation">pending</xsl:when>
            <xsl:otherwise><xsl:value-of select="normalize-space(p:ReadingType/@ref)"/></xsl:otherwise>
          </xsl:choose>
        </xsl:variable>
        <xsl:for-each select="p:IntervalReadings">
          <xsl:value-of select="concat($number, '&#9;', $type, '&#9;')"/>
          <xsl:call-template name="reading"/>
        </xsl:for-each>
      </xsl:for-each>
      <xsl:for-each select="p:Readings">
        <xsl:value-of select="concat($number, '&#9;', normalize-space(p:ReadingType/@ref), '&#9;')"/>
        <xsl:call-template name="reading"/>
      </xsl:for-each>
    </xsl:for-each>
  </xsl:template>
  <xsl:template name="reading">
    <xsl:choose>
      <xsl:when test="p:timeStamp"><xsl:value-of select="normalize-space(p:timeStamp)"/></xsl:when>
      <xsl:otherwise><xsl:value-of select="normalize-space(p:timePeriod/p:end)"/></xsl:otherwise>
    </xsl:choose>
    <xsl:value-of select="concat('&#9;', normalize-space(p:value), '&#9;')"/>
    <xsl:for-each select="p:ReadingQualities/p:ReadingQualityType">
      <xsl:if test="position() &gt; 1"><xsl:text> </xsl:text></xsl:if>
      <xsl:value-of select="normalize-space(@ref)"/>
    </xsl:for-each>
    <xsl:text>&#9;</xsl:text>
  </xsl:template>
</xsl:stylesheet>
