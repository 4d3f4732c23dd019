"""What the person who started the system needs to know, printed once everything runs."""

from derms.config import runfile
from derms.config.processes import Plan
from derms.config.supervisor import say


def show(plan: Plan, *, page_s: float, total_s: float) -> None:
    """Print the addresses, who may log in, and how long the start took."""
    path = plan.folder / "credentials.json"
    known = runfile.read_json(path)
    say("")
    say(f"  DERMS runs at   {plan.address}")
    for user in known.get("users", []):
        roles = ", ".join(user["roles"])
        say(f"    log in        {user['username']:<18} {user['password']:<24} {roles}")
    say(f"  REST            {plan.address}/api/v1   (document: /api/v1/openapi.yaml)")
    say(f"  CIM XML (SOAP)  {plan.address}/61968-5/create/executeDERGroups?wsdl")
    if dms := known.get("dms"):
        say(f"    DMS client    {dms['client_id']:<18} {dms['secret']}")
    if known:
        say(f"  These passwords are kept in {path} (mode 600).")
    say(f"  Logs            {plan.folder / 'log'}")
    say(f"  Page answered after {page_s:.1f} s, everything after {total_s:.1f} s. Ctrl-C stops it.")
    say("")
