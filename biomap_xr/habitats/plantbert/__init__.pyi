from .artefact import load_model as load_model
