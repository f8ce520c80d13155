"""Every rule there is, in the order of their codes."""

from hybridlab.rules import (
    access,
    addresses,
    capacity,
    device_plugins,
    dhcp,
    environment,
    exposure,
    folders,
    gpu_demand,
    gpu_devices,
    gpu_environment,
    gpu_images,
    gpu_memory,
    identity,
    images,
    interfaces,
    kubernetes,
    labels,
    mounts,
    networks,
    nixos,
    objects,
    ollama,
    passthrough,
    placement,
    ports,
    requests,
    resolvers,
    secret_names,
    secrets,
    ways,
)
from hybridlab.rules.manifests import (
    addresses as manifest_addresses,
)
from hybridlab.rules.manifests import (
    amounts as manifest_amounts,
)
from hybridlab.rules.manifests import (
    budgets as manifest_budgets,
)
from hybridlab.rules.manifests import (
    claims as manifest_claims,
)
from hybridlab.rules.manifests import (
    containers as manifest_containers,
)
from hybridlab.rules.manifests import (
    contradictions as manifest_contradictions,
)
from hybridlab.rules.manifests import (
    fields as manifest_fields,
)
from hybridlab.rules.manifests import (
    forms as manifest_forms,
)
from hybridlab.rules.manifests import (
    host_paths as manifest_host_paths,
)
from hybridlab.rules.manifests import (
    jobs as manifest_jobs,
)
from hybridlab.rules.manifests import (
    kinds as manifest_kinds,
)
from hybridlab.rules.manifests import (
    labels as manifest_labels,
)
from hybridlab.rules.manifests import (
    local_volumes as manifest_local_volumes,
)
from hybridlab.rules.manifests import (
    names as manifest_names,
)
from hybridlab.rules.manifests import (
    never as manifest_never,
)
from hybridlab.rules.manifests import (
    nodes as manifest_nodes,
)
from hybridlab.rules.manifests import (
    numbers as manifest_numbers,
)
from hybridlab.rules.manifests import (
    objects as manifest_objects,
)
from hybridlab.rules.manifests import (
    pools as manifest_pools,
)
from hybridlab.rules.manifests import (
    ports as manifest_ports,
)
from hybridlab.rules.manifests import (
    references as manifest_references,
)
from hybridlab.rules.manifests import (
    services as manifest_services,
)
from hybridlab.rules.manifests import (
    shape as manifest_shape,
)
from hybridlab.rules.manifests import (
    targets as manifest_targets,
)
from hybridlab.rules.manifests import (
    values as manifest_values,
)
from hybridlab.rules.manifests import (
    volumes as manifest_volumes,
)
from hybridlab.rules.rule import Rule

ALL_RULES: tuple[Rule, ...] = (
    access.no_ssh_key,
    access.ssh_from_nowhere,
    access.host_out_of_reach,
    access.system_user,
    access.control_plane_out_of_reach,
    capacity.memory_overcommitted,
    capacity.little_memory_for_pods,
    capacity.more_vcpus_than_cpus,
    capacity.memory_of_exactly_2gib,
    capacity.little_memory_for_a_node,
    requests.pod_larger_than_its_nodes,
    requests.pods_larger_than_their_nodes,
    gpu_memory.gpu_memory_overcommitted,
    capacity.little_storage_for_a_node,
    capacity.too_little_to_start,
    gpu_demand.no_gpu_on_selected_nodes,
    gpu_demand.more_gpus_than_a_node_has,
    gpu_demand.more_gpus_than_there_are,
    device_plugins.no_device_plugin,
    device_plugins.device_plugin_without_gpu,
    device_plugins.two_device_plugins,
    passthrough.passthrough_and_host_use,
    passthrough.passthrough_incomplete,
    passthrough.passthrough_ids_of_another_device,
    gpu_environment.different_gpus_for_one_workload,
    gpu_environment.useless_variable,
    gpu_environment.wrong_variable,
    gpu_images.image_that_can_not_drive_the_gpu,
    gpu_images.gpu_without_its_variables,
    gpu_images.gpu_that_is_not_there,
    gpu_devices.several_gpus_of_an_apu,
    gpu_devices.gpu_devices_as_folders,
    identity.duplicate_mac,
    identity.universal_mac,
    identity.duplicate_cid,
    identity.duplicate_machine_id,
    identity.reserved_machine_name,
    identity.number_as_name,
    kubernetes.no_control_plane,
    kubernetes.several_control_planes,
    kubernetes.no_schedulable_node,
    kubernetes.service_network_too_small,
    kubernetes.pod_network_too_small,
    kubernetes.kubernetes_needs_ipv4,
    labels.refused_label,
    labels.untrue_label,
    labels.duplicate_taint,
    kubernetes.domain_of_somebody_else,
    manifest_kinds.api_not_served,
    manifest_kinds.api_deprecated,
    manifest_objects.object_twice,
    manifest_objects.namespace_that_nobody_makes,
    manifest_objects.no_namespace,
    manifest_objects.secret_in_the_open,
    manifest_objects.network_policy_that_nothing_obeys,
    manifest_services.node_port_for_nobody,
    manifest_services.node_port_of_no_service,
    manifest_services.node_port_by_chance,
    manifest_services.service_without_pods,
    manifest_services.cluster_ip,
    manifest_services.selector_does_not_match_template,
    manifest_addresses.address_that_does_not_last,
    manifest_addresses.port_that_nothing_answers,
    manifest_fields.name_that_kubernetes_refuses,
    manifest_fields.mount_without_volume,
    manifest_fields.gpus_not_whole,
    manifest_fields.toleration_that_kubernetes_refuses,
    manifest_ports.port_that_kubernetes_refuses,
    manifest_values.choice_that_does_not_exist,
    manifest_values.text_without_quotes,
    manifest_amounts.amount_that_is_none,
    manifest_amounts.request_above_limit,
    manifest_amounts.memory_in_thousandths,
    manifest_amounts.device_that_no_node_has,
    manifest_ports.port_that_can_not_be,
    manifest_ports.ports_not_told_apart,
    manifest_labels.key_that_kubernetes_refuses,
    manifest_labels.selector_of_nothing,
    manifest_containers.container_that_kubernetes_refuses,
    manifest_containers.probe_that_can_not_succeed,
    manifest_volumes.volume_that_kubernetes_refuses,
    manifest_volumes.volume_without_source,
    manifest_claims.claim_that_kubernetes_refuses,
    manifest_claims.claim_that_nothing_fills,
    manifest_kinds.kind_that_nobody_defines,
    manifest_references.settings_that_nobody_brings,
    manifest_references.pods_without_what_they_need,
    manifest_targets.leads_to_nobody,
    manifest_targets.served_by_nobody,
    manifest_nodes.port_of_the_node_taken,
    manifest_nodes.more_pods_than_nodes,
    manifest_nodes.port_kept_while_rolling,
    manifest_nodes.host_port_that_nothing_forwards,
    manifest_host_paths.second_pod_network,
    manifest_host_paths.folder_of_another_system,
    manifest_host_paths.system_folder_in_a_manifest,
    manifest_names.name_of_no_service,
    manifest_names.service_name_on_the_network_of_the_node,
    manifest_jobs.schedule_that_is_none,
    manifest_labels.selector_of_two,
    manifest_budgets.budget_that_blocks_a_drain,
    manifest_pools.pool_that_does_not_fit,
    manifest_local_volumes.volume_of_any_node,
    manifest_shape.field_that_does_not_exist,
    manifest_shape.value_of_another_type,
    manifest_numbers.number_that_can_not_be,
    manifest_forms.text_of_another_form,
    manifest_contradictions.fields_that_exclude_each_other,
    manifest_never.taken_and_never_works,
    addresses.duplicate_address,
    addresses.reserved_address,
    addresses.address_outside_network,
    networks.overlapping_networks,
    networks.unusable_network,
    networks.duplicate_vlan_id,
    networks.no_way_out,
    interfaces.interface_name_too_long,
    interfaces.interface_name_collision,
    interfaces.reserved_interface_name,
    networks.borrowed_network,
    dhcp.impossible_dhcp_range,
    dhcp.address_of_dhcp,
    resolvers.unusable_resolver,
    resolvers.resolver_that_does_not_answer,
    ports.port_taken,
    ports.port_taken_on_loopback,
    ports.service_in_node_port_range,
    interfaces.uplink_that_is_no_port,
    ways.open_to_a_vlan_without_a_way,
    nixos.state_version_from_the_future,
    nixos.unknown_time_zone,
    secrets.node_is_no_recipient,
    secrets.one_key_for_two_recipients,
    secrets.nobody_can_edit_secrets,
    secrets.hypervisor_hands_over_no_key,
    secrets.host_can_not_read_keys_of_guests,
    secret_names.secrets_called_the_same,
    secret_names.join_token_called_like_another_secret,
    secret_names.secrets_file_for_two,
    secret_names.sops_file_of_another_format,
    secret_names.token_in_the_spec,
    secrets.machine_with_a_key_of_a_plugin,
    secrets.recipient_of_a_machine_that_is_gone,
    secret_names.sops_file_in_the_way,
    secret_names.secret_inside_another,
    placement.selector_matches_no_node,
    placement.selector_matches_unschedulable,
    exposure.node_port_out_of_range,
    exposure.duplicate_node_port,
    exposure.exposed_to_nobody,
    objects.service_name,
    objects.shared_namespace,
    objects.system_namespace,
    folders.system_folder,
    folders.folder_not_kept,
    folders.shared_folder,
    images.moving_image,
    exposure.exposed_without_port,
    folders.replicas_share_folder,
    exposure.duplicate_port,
    placement.affinity_matches_no_node,
    images.image_of_another_architecture,
    environment.service_under_another_name,
    environment.another_workload_at_localhost,
    environment.secret_in_a_variable,
    ollama.ollama_hears_nobody,
    ollama.models_beside_their_folder,
    mounts.socket_as_a_folder,
)
