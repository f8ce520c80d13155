# A stand-in for colmena, for tests without network: it proves shape, not deployment (../README.md).
{
  description = "Stand-in for colmena";

  outputs = _: {
    lib.makeHive = import ./hive.nix;
  };
}
