<?xml version="1.0" encoding="UTF-8"?>
<!-- MeterReadings as text: four fields for each reading, each followed by U+E000: number of the
     MeterReading and ReadingType, instant, value, ReadingQualityTypes. The schema keeps that
     character out of all of them. A value that waits for a calculation has the type "pending". -->
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
            <xsl:otherwise><xsl:value-of select="p:ReadingType/@ref"/></xsl:otherwise>
          </xsl:choose>
        </xsl:variable>
        <xsl:variable name="head" select="concat($number, ' ', $type, '&#xE000;')"/>
        <xsl:for-each select="p:IntervalReadings">
          <xsl:value-of select="$head"/>
          <xsl:call-template name="reading"/>
        </xsl:for-each>
      </xsl:for-each>
      <xsl:for-each select="p:Readings">
        <xsl:value-of select="concat($number, ' ', p:ReadingType/@ref, '&#xE000;')"/>
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
