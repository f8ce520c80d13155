"""A value that is secret: the spec says where it lies, never what it is."""

from attrs import field

from hybridlab.spec.define import doc, spec_class
from hybridlab.spec.scalars import SecretKey


@spec_class
class SecretRef:
    """A value in one of the cluster's sops files."""

    secret: SecretKey = field(metadata=doc("its key in the sops file, nested keys joined with `/`"))
