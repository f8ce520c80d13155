# Written by hybridlab from cluster.yaml. Do not edit: change the spec and run `hybridlab generate`.

{
  users.users = {
    limjihoon = {
      isNormalUser = true;
      extraGroups = [ "wheel" ];
      openssh.authorizedKeys.keys = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJHqiovr6I27uUTJMT+2wzgMMgEq20O2Ie9H0SLjIW9o limjihoon@example"
      ];
    };
    # `hybridlab deploy` and its like log in as root
    root.openssh.authorizedKeys.keys = [
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJHqiovr6I27uUTJMT+2wzgMMgEq20O2Ie9H0SLjIW9o limjihoon@example"
    ];
  };

  # nobody has a password: the same keys open root
  security.sudo.wheelNeedsPassword = false;
}
