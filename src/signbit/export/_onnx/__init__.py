"""What the two formats of ONNX share."""
