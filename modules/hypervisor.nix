# Lets packets of guests and of two-legged clients through a host that is VM host and Kubernetes node at
# once; knows no addresses. docs/decisions/0003-packet-path.md follows the packets and says what was tried.
{
  config,
  lib,
  ...
}:
let
  cfg = config.hybridlab.hypervisor;
  inherit (config.services.kubernetes) clusterCidr kubelet;
  machine = config.networking.hostName;

  interfaceType = lib.types.strMatching "[A-Za-z0-9][A-Za-z0-9._@-]{0,14}";
  # In a name with dots as separators, a slash is a dot that is none (sysctl.d(5)).
  sysctlName = lib.replaceStrings [ "." ] [ "/" ];

  # The unit that decrypts, where sops-nix does not do it on activation.
  secrets = lib.optional (config.sops.useSystemdActivation or false) "sops-install-secrets.service";

  mark = import ./shared/packet-mark.nix;
  isTransit = ''iifname "${cfg.bridge}" meta mark and ${mark.transit} == ${mark.transit}'';
  setLeg = kind: table: "${kind} mark set ${kind} mark and 0xfffff000 or ${toString table}";

  # A leg is known by the way back, not by where the packet came in: that may be the bridge.
  rememberLeg =
    interface: table:
    ''ct state new fib daddr type local fib saddr . mark oifname "${interface}" ${setLeg "ct" table}'';
  recallLeg =
    table: "ct direction reply ct mark and ${mark.leg} == ${toString table} ${setLeg "meta" table}";
  returnRules = lib.mapAttrsToList rememberLeg cfg.legs ++ map recallLeg (lib.attrValues cfg.legs);

  # Whoever addresses this host over the bridge must be one whom it would answer over a leg, so that a guest
  # cannot pose as a pod. Without known legs any way back will do.
  legs = map (interface: ''"${interface}"'') (lib.attrNames cfg.legs);
  wayBack = if legs == [ ] then "oif exists" else "oifname { ${lib.concatStringsSep ", " legs} }";

  rules = lib.concatMap (network: network.routingPolicyRules) (
    lib.attrValues config.systemd.network.networks
  );
  field = key: rule: toString (rule.${key} or "");
  markOf = rule: lib.head (lib.splitString "/" (field "FirewallMark" rule));
  isLegRule = table: rule: markOf rule == toString table && field "Table" rule == toString table;
  isPodRule =
    rule:
    field "To" rule == clusterCidr
    && lib.elem (field "Table" rule) [
      "main"
      "254"
    ];

  legAssertion = interface: table: {
    assertion = lib.any (isLegRule table) rules;
    message =
      "${machine}: no networkd rule has FirewallMark=${toString table}/0xfff and Table=${toString table}: "
      + "a pod's answer to a client that came in over ${interface} would leave over another leg";
  };
  podAssertion = {
    assertion = lib.any isPodRule rules;
    message =
      "${machine}: no networkd rule has To=${toString clusterCidr} and Table=main: the host's answers to pods "
      + "would leave over ${lib.concatStringsSep " or " (lib.attrNames cfg.legs)}";
  };
in
{
  options.hybridlab.hypervisor = {
    enable = lib.mkEnableOption "the packet path of a host whose guests hang on a bridge of its own";

    bridge = lib.mkOption {
      type = interfaceType;
      default = "br0";
      example = "br-lab";
      description = "Bridge that the guests' taps are ports of. The host has no address on it.";
    };

    legs = lib.mkOption {
      type = lib.types.attrsOf (lib.types.ints.between 1 4095);
      default = { };
      example = {
        "br0.10" = 10;
        "br0.20" = 20;
      };
      description = ''
        The host's own interfaces, one per VLAN, each with its routing table. What comes in over a leg is
        answered over it, also where a pod answers.

        This takes networkd rules, which are asserted: for each leg `FirewallMark=<table>/0xfff` with
        `Table=<table>`, and on a Kubernetes node `To=<pod network>` with `Table=main`, before all others.
        Without legs only the guests' frames are let through.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = config.networking.nftables.enable;
        message = "${machine}: hybridlab.hypervisor needs networking.nftables.enable = true";
      }
    ]
    ++ lib.mapAttrsToList legAssertion cfg.legs
    ++ lib.optional (cfg.legs != { } && kubelet.enable) podAssertion;

    # kubelet loads br_netfilter, which shows bridged frames to the IP hooks as well. Those that only cross
    # a bridge, for another's MAC address, are marked before that (it has priority 0) ...
    networking.nftables.tables.hybridlab-transit = {
      family = "bridge";
      content = ''
        chain prerouting {
          type filter hook prerouting priority -300; policy accept;
          meta pkttype other meta mark set meta mark or ${mark.transit}
        }
      '';
    };

    # ... and on the guests' bridge then left alone: untracked, so that kube-proxy does not take them off the
    # bridge, and exempt from the strict reverse path filter. That would drop what guests send to the host,
    # too: it comes in on the bridge and the way back is a leg. IPv6 link-local addresses have no way back
    # to look up.
    networking.firewall.extraReversePathFilterRules = ''
      ${isTransit} accept comment "frames that only cross the bridge"
      iifname "${cfg.bridge}" fib saddr . mark ${wayBack} accept comment "guests to this host"
      iifname "${cfg.bridge}" ip6 saddr fe80::/10 accept comment "neighbours on the bridge"
    '';

    # A leg is recalled after the reverse path filter (mangle + 10), which would look up the way back to the
    # pod in the leg's table and drop its answer, and before the routing decision.
    networking.nftables.tables.hybridlab-host = {
      family = "inet";
      content = ''
        chain transit {
          type filter hook prerouting priority raw; policy accept;
          ${isTransit} notrack
        }
        chain return-path {
          type filter hook prerouting priority mangle + 20; policy accept;
          ${lib.concatStringsSep "\n  " returnRules}
        }
      '';
    };

    # A guest's unit pulls in the one that installs what the guest now is, which microvm.nix only orders before
    # it, and waits for the key to its secrets. Otherwise a switch may start a guest that is new, or whose key
    # has changed, as it was before, or not at all.
    systemd.services = lib.mapAttrs' (
      guest: vm:
      lib.nameValuePair "microvm@${guest}" {
        wants = [ "install-microvm-${guest}.service" ] ++ secrets;
        after = secrets;

        # microvm.nix starts a guest anew when the system in it is another one. Its memory, processors,
        # interfaces and volumes are in the runner alone, which would then be installed and not run.
        restartTriggers = lib.optional (
          vm.evaluatedConfig or null != null
        ) vm.evaluatedConfig.config.microvm.declaredRunner;
      }
    ) (config.microvm.vms or { });

    # Each leg answers ARP for its own address only, also if two VLANs should share a broadcast domain.
    boot.kernel.sysctl = {
      "net.ipv4.conf.all.arp_announce" = lib.mkDefault 2;
      "net.ipv4.conf.all.arp_ignore" = lib.mkDefault 1;

      # systemd's 50-default.conf turns on the kernel's own reverse path filter, loose, everywhere. On an
      # interface without an address, as the bridge is, it drops what kube-proxy has rewritten: the API
      # server's answer to a pod, a guest's call of a NodePort (net/ipv4/fib_frontend.c, `no_addr`). The
      # filter of nftables, which is strict, stays.
      "net.ipv4.conf.${sysctlName cfg.bridge}.rp_filter" = lib.mkDefault 0;
    };
  };
}
