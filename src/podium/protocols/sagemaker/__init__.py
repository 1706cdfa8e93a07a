"""SageMaker: endpoints, as its runtime's clients call them, and the contract of its containers.

Sources: "InvokeEndpoint", Amazon SageMaker API Reference; "Custom Inference Code with Hosting Services".
"""
