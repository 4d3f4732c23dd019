<?xml version="1.0" encoding="UTF-8"?>
<!-- MeterReadings as text in two parts, each field of them followed by U+E000. First one field for
     each block or single reading: number of the MeterReading, how many readings, ReadingType. Then,
     behind U+E001, three for each reading in the same order: instant, value, ReadingQualityTypes.
     The schema keeps these two characters out of all fields. A value that waits for a calculation
     has the type "pending". -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns:p="http://iec.ch/TC57/2011/MeterReadings#">
  <xsl:output method="text" encoding="UTF-8"/>
  <xsl:template match="/">
    <xsl:for-each select="/p:MeterReadings/p:MeterReading">
      <xsl:variable name="number" select="position() - 1"/>
      <xsl:for-each select="p:IntervalBlocks">
        <xsl:value-of select="concat($number, ' ', count(p:IntervalReadings), ' ')"/>
        <xsl:choose>
          <xsl:when test="p:PendingCalculation">pending</xsl:when>
          <xsl:otherwise><xsl:value-of select="p:ReadingType/@ref"/></xsl:otherwise>
        </xsl:choose>
        <xsl:text>&#xE000;</xsl:text>
      </xsl:for-each>
      <xsl:for-each select="p:Readings">
        <xsl:value-of select="concat($number, ' 1 ', p:ReadingType/@ref, '&#xE000;')"/>
      </xsl:for-each>
    </xsl:for-each>
    <xsl:text>&#xE001;</xsl:text>
    <xsl:for-each select="/p:MeterReadings/p:MeterReading">
      <xsl:for-each select="p:IntervalBlocks/p:IntervalReadings">
        <xsl:call-template name="reading"/>
      </xsl:for-each>
      <xsl:for-each select="p:Readings">
        <xsl:call-template name="reading"/>
      </xsl:for-each>
    </xsl:for-each>
  </xsl:template>
  <xsl:template name="reading">
    <xsl:value-of select="p:timeStamp"/>
    <xsl:if test="not(p:timeStamp)"><xsl:value-of select="p:timePeriod/p:end"/></xsl:if>
    <xsl:text>&#xE000;</xsl:text>
    <xsl:value-of select="p:value"/>
    <xsl:text>&#xE000;</xsl:text>
    <xsl:for-each select="p:ReadingQualities/p:ReadingQualityType">
      <xsl:value-of select="@ref"/>
      <xsl:text> </xsl:text>
    </xsl:for-each>
    <xsl:text>&#xE000;</xsl:text>
  </xsl:template>
</xsl:stylesheet>
