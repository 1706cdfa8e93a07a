"""Other ways to run a model than a program: scikit-learn, ONNX, Python."""
