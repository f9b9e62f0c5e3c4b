"""AWS: Truth in DynamoDB, its changes from DynamoDB Streams, Intent in SQS, objects in S3, the fleet an EC2 Auto Scaling group.

The same meaning as the other backends, held to it by the same conformance suite over real HTTP. ``place`` names every table and
queue; ``client`` is the only module that names boto3. Where the services promise less than the contract asks, the module that
makes up for it says so.
"""
