"""The main job told in a terminal: a DMS drives a group of real Modbus devices over CIM XML.

`dms.py` is the DMS (zeep over our WSDLs, REST where CIM has no word), `story.py` the steps and the
verdict. Started by `manage.py demo`.
"""
