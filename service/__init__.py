"""The application the environments run: a small JSON API over one DynamoDB table.

Plain Python that needs nothing but boto3, which Lambda's runtime brings. How it is deployed is not
known here: the name of the table arrives in the environment variable `TABLE_NAME`.
"""
