"""apigateway"""
from sandbox.aws.rules import Rules
def rules(management_account: str) -> Rules:
    return {}
