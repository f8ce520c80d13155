# The NixOS options that this project sets or reads, each with its type in NixOS and, where somebody reads it,
# its default. What is not here does not exist, which is the point: a misspelt option must not pass.
#
# Read in nixpkgs' nixos/modules at and around 26.05; NixOS has many more. Where a type is looser here than
# there, a comment says so.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption;
  inherit (lib.types)
    anything
    attrs
    attrsOf
    bool
    either
    enum
    int
    ints
    lines
    listOf
    nonEmptyStr
    nullOr
    oneOf
    package
    path
    port
    raw
    separatedString
    singleLineStr
    str
    strMatching
    submodule
    ;

  # With a default, and without one: reading it before somebody sets it is then an error.
  option = type: default: mkOption { inherit type default; };
  required = type: mkOption { inherit type; };
  group = options: submodule { inherit options; };

  # config/sysctl.nix: one definition per priority, even if the values agree.
  sysctlValue = lib.mkOptionType {
    name = "sysctl option value";
    check = value: value == null || bool.check value || int.check value || str.check value;
    merge = lib.mergeOneOption;
  };

  # system/boot/systemd-unit-options.nix: a value, or a list of them that grows. NixOS also knows the fields of
  # each section; here any field will do.
  fieldValue = oneOf [
    bool
    int
    str
    (listOf (oneOf [
      bool
      int
      str
    ]))
  ];
  section = option (attrsOf fieldValue) { };
  sections = option (listOf (attrsOf fieldValue)) [ ];

  fileSystem = group {
    device = option (nullOr nonEmptyStr) null;
    fsType = option nonEmptyStr "auto";
    options = option (listOf nonEmptyStr) [ "defaults" ];
    neededForBoot = option bool false;
  };

  # services/networking/firewall.nix: the same for all interfaces and for each.
  openPorts = {
    allowedTCPPorts = option (listOf port) [ ];
    allowedTCPPortRanges = option (listOf (attrsOf port)) [ ];
    allowedUDPPorts = option (listOf port) [ ];
    allowedUDPPortRanges = option (listOf (attrsOf port)) [ ];
  };

  # tasks/network-interfaces.nix
  interfaceAddresses = option (listOf (group {
    address = required str;
    prefixLength = required int;
  })) [ ];

  # virtualisation/nixos-containers.nix
  containerAddress = option (nullOr str) null;

  user = group {
    isNormalUser = option bool false;
    uid = option (nullOr int) null;
    extraGroups = option (listOf str) [ ];
    openssh.authorizedKeys.keys = option (listOf singleLineStr) [ ];
  };

  service = group {
    description = option singleLineStr "";
    after = option (listOf str) [ ];
    before = option (listOf str) [ ];
    # NixOS takes a folder as text, too.
    path = option (listOf package) [ ];
    requiredBy = option (listOf str) [ ];
    restartTriggers = option (listOf anything) [ ];
    wantedBy = option (listOf str) [ ];
    wants = option (listOf str) [ ];
    script = option lines "";
    unitConfig = section;
    serviceConfig = section;
  };
in
{
  options = {
    assertions = option (listOf anything) [ ];
    warnings = option (listOf str) [ ];

    boot = {
      blacklistedKernelModules = option (listOf str) [ ];
      initrd.availableKernelModules = option (listOf str) [ ];
      initrd.kernelModules = option (listOf str) [ ];
      kernel.sysctl = option (attrsOf sysctlValue) { };
      kernelModules = option (listOf str) [ ];
      # Elements are also checked for spaces outside of quotes.
      kernelParams = option (listOf (strMatching "([^\" ]|\"[^\"]*\")+")) [ ];
      loader.efi.canTouchEfiVariables = option bool false;
      loader.systemd-boot.enable = option bool false;
    };

    documentation.enable = option bool true;

    environment = {
      etc = option (attrsOf (group {
        text = required lines;
      })) { };
      systemPackages = option (listOf package) [ ];
      variables = option (attrsOf (oneOf [
        (listOf (either int (either str path)))
        int
        str
        path
      ])) { };
    };

    fileSystems = option (attrsOf fileSystem) { };
    containers = option (attrsOf (group {
      hostAddress = containerAddress;
      hostAddress6 = containerAddress;
      localAddress = containerAddress;
      localAddress6 = containerAddress;
    })) { };

    swapDevices = option (listOf (group {
      device = required nonEmptyStr;
    })) [ ];
    virtualisation = {
      docker.enable = option bool false;
      # JSON of any shape.
      docker.daemon.settings = option (attrsOf anything) { };
      libvirtd.enable = option bool false;
      oci-containers.containers = option (attrsOf (group {
        image = required str;
        ports = option (listOf str) [ ];
      })) { };
      podman.enable = option bool false;
      podman.defaultNetwork.settings = option (attrsOf anything) { };
    };
    zramSwap.enable = option bool false;

    hardware = {
      amdgpu.initrd.enable = option bool false;
      cpu.amd.updateMicrocode = option bool false;
      enableAllFirmware = option bool false;
      enableRedistributableFirmware = option bool false;
      graphics.enable = option bool false;
      graphics.extraPackages = option (listOf package) [ ];
    };

    networking = {
      hostName = option (strMatching "|[0-9A-Za-z]([-_0-9A-Za-z]{0,61}[0-9A-Za-z])?") "nixos";
      hosts = option (attrsOf (listOf str)) { };
      nameservers = option (listOf str) [ ];
      useDHCP = option bool true;
      useNetworkd = option bool false;
      interfaces = option (attrsOf (group {
        ipv4.addresses = interfaceAddresses;
        ipv6.addresses = interfaceAddresses;
      })) { };
      networkmanager.enable = option bool false;
      networkmanager.unmanaged = option (listOf str) [ ];
      nat.enable = option bool false;
      nat.forwardPorts = option (listOf (group {
        destination = required str;
        proto = option str "tcp";
        sourcePort = required (either port str);
      })) [ ];
      wg-quick.interfaces = option (attrsOf (group {
        address = option (listOf str) [ ];
      })) { };
      wireguard.interfaces = option (attrsOf (group {
        ips = option (listOf str) [ ];
      })) { };
      firewall = openPorts // {
        enable = option bool true;
        backend = option (enum [
          "iptables"
          "nftables"
          "firewalld"
        ]) (if config.networking.nftables.enable then "nftables" else "iptables");
        interfaces = option (attrsOf (group openPorts)) { };
        extraForwardRules = option lines "";
        extraInputRules = option lines "";
        extraReversePathFilterRules = option lines "";
        trustedInterfaces = option (listOf str) [ ];
      };
      nftables = {
        enable = option bool false;
        flushRuleset = option bool false;
        extraDeletions = option lines "";
        ruleset = option lines "";
        tables = option (attrsOf (group {
          enable = option bool true;
          family = required (enum [
            "ip"
            "ip6"
            "inet"
            "arp"
            "bridge"
            "netdev"
          ]);
          content = required lines;
        })) { };
      };
    };

    nixpkgs = {
      config = option attrs { };
      flake.source = option (nullOr (either str path)) null;
      # A string of a known system; NixOS elaborates it to a set.
      hostPlatform = required (enum [
        "x86_64-linux"
        "aarch64-linux"
      ]);
      overlays = option (listOf raw) [ ];
    };

    security.sudo.wheelNeedsPassword = option bool true;

    services = {
      cfssl.dataDir = option path "/var/lib/cfssl";
      etcd.enable = option bool false;
      flannel.enable = option bool false;
      flannel.iface = option (nullOr str) null;
      flannel.network = required (nullOr str);
      connman.enable = option bool false;
      dnsmasq.enable = option bool false;
      dnsmasq.settings = option (attrsOf anything) { };
      k3s.enable = option bool false;
      ollama.enable = option bool false;
      ollama.host = option str "127.0.0.1";
      ollama.port = option port 11434;
      prometheus.exporters.node.enable = option bool false;
      prometheus.exporters.node.port = option port 9100;
      tailscale.enable = option bool false;
      journald.storage = option (enum [
        "persistent"
        "volatile"
        "auto"
        "none"
      ]) "persistent";
      openssh = {
        enable = option bool false;
        hostKeys = option (listOf attrs) [
          {
            type = "rsa";
            bits = 4096;
            path = "/etc/ssh/ssh_host_rsa_key";
          }
          {
            type = "ed25519";
            path = "/etc/ssh/ssh_host_ed25519_key";
          }
        ];
        openFirewall = option bool true;
        ports = option (listOf port) [ 22 ];
        listenAddresses = option (listOf (group {
          addr = option (nullOr str) null;
          port = option (nullOr port) null;
        })) [ ];
        # NixOS adds the files in /etc and in the home directory.
        authorizedKeysFiles = option (listOf str) [ ];
        # NixOS takes any other key of sshd_config as well.
        settings = option (group {
          AllowGroups = option (nullOr (listOf str)) null;
          AllowUsers = option (nullOr (listOf str)) null;
          DenyGroups = option (nullOr (listOf str)) null;
          DenyUsers = option (nullOr (listOf str)) null;
          PubkeyAuthentication = option (nullOr bool) null;
          KbdInteractiveAuthentication = option (nullOr bool) true;
          PasswordAuthentication = option (nullOr bool) true;
          PermitRootLogin = option (nullOr (enum [
            "yes"
            "without-password"
            "prohibit-password"
            "forced-commands-only"
            "no"
          ])) "prohibit-password";
        }) { };
      };
      resolved.enable = option bool config.networking.useNetworkd;

      kubernetes = {
        package = option package pkgs.kubernetes;
        roles = option (listOf (enum [
          "master"
          "node"
        ])) [ ];
        masterAddress = required str;
        apiserverAddress = required str;
        clusterCidr = option (nullOr str) "10.1.0.0/16";
        easyCerts = option bool false;
        dataDir = option path "/var/lib/kubernetes";
        secretsPath = option path "/var/lib/kubernetes/secrets";
        addons.dns = {
          enable = option bool false;
          clusterDomain = option str "cluster.local";
          # NixOS cuts a default out of serviceClusterIpRange.
          clusterIp = required str;
        };
        apiserver = {
          enable = option bool false;
          advertiseAddress = option (nullOr str) null;
          allowPrivileged = option bool false;
          securePort = option int 6443;
          serviceClusterIpRange = option str "10.0.0.0/24";
        };
        controllerManager.enable = option bool false;
        flannel.enable = option bool false;
        flannel.openFirewallPorts = option bool true;
        kubelet = {
          enable = option bool false;
          clusterDns = option (listOf str) [ "10.1.0.1" ];
          clusterDomain = option str config.services.kubernetes.addons.dns.clusterDomain;
          extraConfig = option (attrsOf anything) { };
          extraOpts = option (separatedString " ") "";
          hostname = required str;
          nodeIp = option (nullOr str) null;
          taints = option (attrsOf (
            submodule (
              { name, ... }:
              {
                options = {
                  key = option str name;
                  value = required str;
                  effect = required (enum [
                    "NoSchedule"
                    "PreferNoSchedule"
                    "NoExecute"
                  ]);
                };
              }
            )
          )) { };
          unschedulable = option bool false;
        };
        pki = {
          enable = option bool false;
          etcClusterAdminKubeconfig = option (nullOr str) null;
          genCfsslAPIToken = option bool true;
        };
        proxy = {
          enable = option bool false;
          hostname = option str config.networking.hostName;
        };
      };
    };

    system = {
      build = option (attrsOf raw) { };
      stateVersion = required (strMatching "[0-9]{2}\\.[0-9]{2}");
    };

    systemd = {
      generators = option (attrsOf path) { };
      network = {
        enable = option bool config.networking.useNetworkd;
        config.networkConfig = section;
        links = option (attrsOf (group {
          matchConfig = section;
          linkConfig = section;
        })) { };
        netdevs = option (attrsOf (group {
          netdevConfig = section;
          bridgeConfig = section;
          vlanConfig = section;
        })) { };
        networks = option (attrsOf (group {
          enable = option bool true;
          matchConfig = section;
          networkConfig = section;
          linkConfig = section;
          address = option (listOf str) [ ];
          addresses = sections;
          gateway = option (listOf str) [ ];
          vlan = option (listOf str) [ ];
          bridgeVLANs = sections;
          routes = sections;
          routingPolicyRules = sections;
        })) { };
      };
      services = option (attrsOf service) { };
    };

    time.timeZone = option (nullOr (strMatching "[^ ]*")) null;

    users.users = option (attrsOf user) { };
  };
}
