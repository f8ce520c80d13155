# Turns openings and NodePorts, given as data, into nftables rules; knows nothing of who needs them.
#
# Two places, because what is forwarded never reaches the input chain: kube-proxy rewrites the destination of
# a NodePort or Service in prerouting and sends the packet on to a pod, so only a rule before that rewriting
# sees what was asked for and can refuse it (docs/decisions/0003-packet-path.md).
{
  config,
  lib,
  ...
}:
let
  cfg = config.hybridlab.firewall;
  machine = config.networking.hostName;

  ipv4 = "[0-9]{1,3}(\\.[0-9]{1,3}){3}(/[0-9]{1,2})?";
  ipv6 = "[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(/[0-9]{1,3})?";
  isIpv6 = lib.hasInfix ":";

  # Every text that ends up in a rule is of one of these types, or passes through `comment`.
  sourceType = lib.types.strMatching "${ipv4}|${ipv6}";
  interfaceType = lib.types.strMatching "[A-Za-z0-9][A-Za-z0-9._@-]{0,14}";

  portOptions = {
    port = lib.mkOption {
      type = lib.types.port;
      example = 6443;
      description = "Port, on this machine, that is opened.";
    };
    protocol = lib.mkOption {
      type = lib.types.enum [
        "tcp"
        "udp"
      ];
      default = "tcp";
      example = "udp";
      description = "Transport protocol.";
    };
    reason = lib.mkOption {
      type = lib.types.str;
      example = "kubelet API from the control plane";
      description = "Why the port is open; becomes the comment of the rule.";
    };
  };

  openingType = lib.types.submodule {
    options = portOptions // {
      interface = lib.mkOption {
        type = interfaceType;
        example = "br0.20";
        description = "Interface on which the packets come in.";
      };
      sources = lib.mkOption {
        type = lib.types.listOf sourceType;
        default = [ ];
        example = [ "10.0.20.10" ];
        description = "Addresses and networks that may connect; empty lets in anyone on the interface.";
      };
    };
  };

  nodePortType = lib.types.submodule {
    options = portOptions // {
      sources = lib.mkOption {
        type = lib.types.listOf sourceType;
        example = [
          "10.0.10.0/24"
          "10.244.0.0/16"
        ];
        description = ''
          Addresses and networks that may connect, pods and nodes included; the machine itself always may.
          Empty lets in nobody else: a NodePort has no interface that would limit it.
        '';
      };
    };
  };

  # nft takes comments of at most 128 bytes and knows no escape for a quote. Reduced to printable ASCII
  # without quotes a reason can be cut anywhere and cannot end the comment.
  comment =
    reason:
    let
      printable = character: builtins.match "[ !#-~]" character != null;
      text = lib.stringAsChars (c: if printable c then c else "?") reason;
    in
    ''comment "${builtins.substring 0 128 text}"'';

  addresses = list: "{ ${lib.concatStringsSep ", " list} }";

  # One match per address family: a set in nftables holds either IPv4 or IPv6.
  sourceMatches =
    sources:
    let
      families = lib.partition isIpv6 sources;
    in
    lib.optional (families.wrong != [ ]) "ip saddr ${addresses families.wrong} "
    ++ lib.optional (families.right != [ ]) "ip6 saddr ${addresses families.right} ";

  portMatch = item: "${item.protocol} dport ${toString item.port}";

  openingRules =
    opening:
    let
      matches = if opening.sources == [ ] then [ "" ] else sourceMatches opening.sources;
      rule =
        match:
        ''iifname "${opening.interface}" ${match}${portMatch opening} accept ${comment opening.reason}'';
    in
    map rule matches;

  nodePortRules =
    nodePort:
    map (match: "${match}${portMatch nodePort} accept ${comment nodePort.reason}") (
      sourceMatches nodePort.sources
    );

  range = cfg.nodePortRange;
  inRange = port: range != null && range.from <= port && port <= range.to;

  # A port may be listed twice with different sources, so every accept stands before every drop.
  nodePortGuard =
    lib.concatMap nodePortRules cfg.nodePorts
    ++ map (nodePort: "${portMatch nodePort} counter drop") cfg.nodePorts
    ++ lib.optional (range != null) (
      "meta l4proto { tcp, udp } th dport ${toString range.from}-${toString range.to} counter drop"
    );

  mark = import ./shared/packet-mark.nix;

  # Broadcast and multicast are not sent on; what only crosses a bridge is not sent on by this machine.
  forwardGuard = [
    "fib daddr type { broadcast, anycast, multicast } accept"
    "meta mark and ${mark.transit} == ${mark.transit} accept"
  ]
  ++ map (interface: ''iifname "${interface}" accept'') cfg.forwardFrom
  ++ [ "counter drop" ];

  lines = rules: lib.concatStringsSep "\n  " rules;

  isNodePort =
    opening: lib.any (n: n.port == opening.port && n.protocol == opening.protocol) cfg.nodePorts;
  blockedOpenings = lib.filter (o: inRange o.port && !isNodePort o) cfg.openings;
in
{
  options.hybridlab.firewall = {
    enable = lib.mkEnableOption "the nftables firewall that opens only what is listed";

    openings = lib.mkOption {
      type = lib.types.listOf openingType;
      default = [ ];
      example = [
        {
          interface = "br0.20";
          protocol = "tcp";
          port = 10250;
          sources = [ "10.0.20.10" ];
          reason = "kubelet API from the control plane";
        }
      ];
      description = ''
        Ports of this machine's own services that the input chain lets in, besides those that
        `networking.firewall` opens already. A port in the NodePort range belongs into `nodePorts`.
      '';
    };

    nodePorts = lib.mkOption {
      type = lib.types.listOf nodePortType;
      default = [ ];
      example = [
        {
          port = 31434;
          protocol = "tcp";
          sources = [
            "10.0.10.0/24"
            "10.0.20.0/24"
          ];
          reason = "ollama";
        }
      ];
      description = ''
        NodePorts, each with those who may use it on this machine; all others are dropped, before kube-proxy
        sends them on.
      '';
    };

    forwardFrom = lib.mkOption {
      type = lib.types.nullOr (lib.types.listOf interfaceType);
      default = null;
      example = [
        "mynet"
        "flannel.1"
        "wg0"
      ];
      description = ''
        Interfaces whose packets this machine may send on to others, if it forwards at all; from all other
        interfaces it takes only what is addressed to itself. On a Kubernetes node that is where its pods are:
        whoever else could use it as a router would reach every Service and pod, exposed or not, and on a host
        with several VLANs the other VLANs too. Definitions are joined, so a VPN or container network of your
        own adds its interface. `null` does not filter what is sent on.
      '';
    };

    nodePortRange = lib.mkOption {
      type = lib.types.nullOr (
        lib.types.submodule {
          options = {
            from = lib.mkOption {
              type = lib.types.port;
              example = 30000;
              description = "First port of the range.";
            };
            to = lib.mkOption {
              type = lib.types.port;
              example = 32767;
              description = "Last port of the range, which belongs to it.";
            };
          };
        }
      );
      # The API server's default for --service-node-port-range.
      default =
        if config.services.kubernetes.proxy.enable then
          {
            from = 30000;
            to = 32767;
          }
        else
          null;
      defaultText = lib.literalMD "30000 to 32767 where kube-proxy runs, otherwise `null`";
      description = ''
        Range in which a port that is not in `nodePorts` is dropped, so that a Service somebody creates by
        hand opens nothing; `null` guards only the listed ports.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = map (opening: {
      assertion = false;
      message =
        "${machine}: opening ${portMatch opening} on ${opening.interface} lies in the NodePort range "
        + "${toString range.from}-${toString range.to}, which drops what hybridlab.firewall.nodePorts does not list";
    }) blockedOpenings;

    networking.nftables.enable = true;
    networking.firewall.enable = true;
    networking.firewall.extraInputRules = lib.concatLines (lib.concatMap openingRules cfg.openings);

    # Priority: after connection tracking (-200), before kube-proxy's dstnat (-100).
    networking.nftables.tables.hybridlab-guard =
      lib.mkIf (nodePortGuard != [ ] || cfg.forwardFrom != null)
        {
          family = "inet";
          content = ''
            chain prerouting {
              type filter hook prerouting priority dstnat - 10; policy accept;
              ct state established,related accept
              iifname "lo" accept
              fib daddr type local goto node-ports
              goto forwarded
            }
            chain node-ports {
              ${lines nodePortGuard}
            }
            chain forwarded {
              ${lines (lib.optionals (cfg.forwardFrom != null) forwardGuard)}
            }
          '';
        };
  };
}
