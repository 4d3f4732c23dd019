"""Namespaces, token types and algorithms of WS-Security and XML Signature that we speak.

Source: OASIS WSS SOAP Message Security 1.1, UsernameToken and X.509 Token Profiles 1.1.
"""

from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod

_OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss"
WSSE = f"{_OASIS}-wssecurity-secext-1.0.xsd"
WSU = f"{_OASIS}-wssecurity-utility-1.0.xsd"
DS = "http://www.w3.org/2000/09/xmldsig#"

PASSWORD_TEXT = f"{_OASIS}-username-token-profile-1.0#PasswordText"
PASSWORD_DIGEST = f"{_OASIS}-username-token-profile-1.0#PasswordDigest"
BASE64 = f"{_OASIS}-soap-message-security-1.0#Base64Binary"
X509V3 = f"{_OASIS}-x509-token-profile-1.0#X509v3"
SUBJECT_KEY_ID = f"{_OASIS}-x509-token-profile-1.0#X509SubjectKeyIdentifier"

NEXT_ACTOR = "http://schemas.xmlsoap.org/soap/actor/next"
ID = f"{{{WSU}}}Id"

SIGNATURE_METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.SHA256_RSA_MGF1,
        SignatureMethod.SHA384_RSA_MGF1,
        SignatureMethod.SHA512_RSA_MGF1,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
DIGEST_METHODS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
# Without comments: our parser drops them, so nobody reads what such a signature would cover.
CANONICAL_FORMS = frozenset(
    {
        CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        CanonicalizationMethod.CANONICAL_XML_1_0,
        CanonicalizationMethod.CANONICAL_XML_1_1,
    }
)


def wsse(name: str) -> str:
    """Return a WS-Security extension name in Clark notation."""
    return f"{{{WSSE}}}{name}"


def wsu(name: str) -> str:
    """Return a WS-Security utility name in Clark notation."""
    return f"{{{WSU}}}{name}"


def ds(name: str) -> str:
    """Return an XML Signature name in Clark notation."""
    return f"{{{DS}}}{name}"
