"""The language of IAM policies, as pure functions over documents.

Knows no Pulumi, no AWS client and no account: the embedded AWS judges calls with it, and an
operator's command says by it who may assume what.
"""
