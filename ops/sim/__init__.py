"""The simulator: a stand-in for the ProjectX Gateway that the unmodified SDK can use."""
