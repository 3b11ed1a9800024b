//! Topologies as scenarios write them: what they become, and what is said of faults.

use fleetune_devices::{
    DeviceId, Fleet, FleetConfig, Profiles, Workload,
    energy::Moment,
    network::{
        Alone, Direction, Network, ServerLink, Wiring,
        capacity::{CapacityProfile, Step},
        config::TopologyConfig,
        model::{Lv08, TransferModel},
        topology::{Node, Topology},
        transfers::FlowId,
    },
    streams::SeedTree,
};
use fleetune_units::{Bytes, Seconds};
use proptest::{prelude::*, test_runner::RngSeed};

use super::kit::{at, close, rate, run, seconds};

fn fleet(count: u32) -> Fleet {
    let config: FleetConfig = serde_yaml::from_str(&format!(
        "{{ groups: [{{ profile: phone-high, count: {count} }}], heterogeneity: {{ link_sigma: 0.5 }} }}"
    ))
    .unwrap();
    Fleet::draw(&config, &Profiles::shipped().unwrap(), &SeedTree::new(11)).unwrap()
}

fn read(text: &str) -> Result<TopologyConfig, String> {
    serde_yaml::from_str(text).map_err(|error| error.to_string())
}

fn build(text: &str, count: u32) -> Result<Network, String> {
    read(text)?.build(&fleet(count).devices, &server()).map_err(|error| error.to_string())
}

fn server() -> ServerLink {
    serde_yaml::from_str("{ uplink: 1 Gbit/s, downlink: 500 Mbit/s, latency: 10 ms }").unwrap()
}

#[test]
fn a_star_is_the_star() {
    let fleet = fleet(5);
    let network = build("star", 5).unwrap();
    for (id, routes) in network.device_routes().unwrap() {
        let device = &fleet.devices[id.index()];
        let alone = Bytes::new(1_000_000) / device.uplink().min(rate(62.5e6));
        let upload = network.upload(&TransferModel::Raw, &routes, Bytes::new(1_000_000));
        let mut transfers = network.transfers(&TransferModel::Raw, Moment(0));
        transfers.start(FlowId(0), Moment(0), upload).unwrap();
        let latency = device.latency() + "10 ms".parse().unwrap();
        close(&[seconds(run(&mut transfers)[0].at)], &[(latency + alone).get()]);
    }
}

#[test]
fn aggregators_end_the_first_tier_and_share_the_second() {
    let network = build(
        "two_tier:
               aggregators:
                 - { name: north, uplink: 40 Mbit/s, downlink: 80 Mbit/s, latency: 5 ms, devices: [0-2, 7] }
                 - { name: south, uplink: 40 Mbit/s, downlink: 80 Mbit/s }
                 - { name: west, uplink: 40 Mbit/s, downlink: 80 Mbit/s }",
        9,
    )
    .unwrap();
    let aggregators: Vec<_> = (0..9).map(|id| network.aggregator(DeviceId(id)).unwrap()).collect();
    // 3, 4, 5, 6 and 8 are listed nowhere: south and west take turns.
    let expected = [0, 0, 0, 1, 2, 1, 2, 0, 1].map(Node::Aggregator);
    assert_eq!(aggregators, expected);
    let north = network.aggregator_routes(Node::Aggregator(0)).unwrap();
    assert_eq!(north.keys().map(|id| id.0).collect::<Vec<_>>(), [0, 1, 2, 7]);
    assert!(north.values().all(|routes| routes.up.hops.len() == 1 && routes.down.hops.len() == 1));
    let [up, down] = network.links("north") else { panic!("a link each way") };
    assert_eq!(network.profile(*up), Some(CapacityProfile::constant(rate(5e6))));
    assert_eq!(network.profile(*down), Some(CapacityProfile::constant(rate(10e6))));
    let to_server = network.topology.route(Node::Aggregator(0), Node::Server).unwrap();
    assert_eq!(to_server.links().next(), Some(*up));
    assert_eq!(to_server.latency, "15 ms".parse().unwrap());
    let all = network.device_routes().unwrap();
    assert_eq!(all[&DeviceId(7)].up.hops.len(), 3);
}

#[test]
fn n7_stations_of_a_wifi_cell_share_its_air_both_ways() {
    let text = "wifi:
           cells: [{ name: home, uplink: 10 Gbit/s, downlink: 10 Gbit/s, devices: [0-3] }]"
        .to_owned();
    let (network, fleet) = (build(&text, 4).unwrap(), fleet(4));
    let routes = network.device_routes().unwrap();
    let mut transfers = network.transfers(&TransferModel::Raw, Moment(0));
    for (id, routes) in &routes {
        let upload = network.upload(&TransferModel::Raw, routes, Bytes::new(100_000_000));
        transfers.start(FlowId(u64::from(id.0)), Moment(0), upload).unwrap();
    }
    let download =
        network.download(&TransferModel::Raw, &routes[&DeviceId(0)], Bytes::new(100_000_000));
    transfers.start(FlowId(9), Moment(0), download).unwrap();
    transfers.settle(at(1.0)).unwrap();
    let air = fleet.devices.iter().map(|d| 1.0 / d.uplink().get()).sum::<f64>()
        + 1.0 / fleet.devices[0].downlink().get();
    for id in [0, 1, 2, 3, 9] {
        let rate = transfers.rate(FlowId(id)).unwrap().get();
        assert!((rate - 1.0 / air).abs() <= 1e-12 * rate, "{rate} {}", 1.0 / air);
    }
    assert_eq!(network.links("home").len(), 3, "up, down and the air");
    // Nothing moves in a cell without air.
    transfers.kill(network.links("home")[2], at(1.0)).unwrap();
    transfers.settle(at(1.0)).unwrap();
    assert!((0..4).all(|id| transfers.rate(FlowId(id)).unwrap().is_zero()));
}

const GRAPH: &str = "
graph:
  nodes: [core, tower, attic]
  links:
    - { name: backbone, from: server, to: core, capacity: 1 Gbit/s, latency: 5 ms }
    - name: backhaul
      from: core
      to: tower
      latency: 2 ms
      sharing: shared
      profile: { steps: [{ at: 0 s, capacity: 80 kbit/s }, { at: 10 s, capacity: 8 kbit/s }] }
    - { name: wire, from: core, to: attic, capacity: 1 Gbit/s, sharing: fat_pipe }
  devices:
    - { at: tower, devices: [1, 3-4] }
    - { at: attic, access: wifi }
";

#[test]
fn a_graph_is_built_as_written() {
    let network = build(GRAPH, 6).unwrap();
    assert_eq!(network.links("backbone").len(), 2);
    assert_eq!(network.links("backhaul").len(), 1);
    assert_eq!(network.links("nowhere"), []);
    let routes = network.device_routes().unwrap();
    let backhaul = network.links("backhaul")[0];
    for (id, routes) in &routes {
        assert_eq!((routes.down.hops.len(), routes.up.hops.len()), (4, 4), "{id}");
        let crosses = routes.up.links().any(|link| link == backhaul);
        assert_eq!(crosses, [1, 3, 4].contains(&id.0));
    }
    // 10 kB/s until 10 s, 1 kB/s from then on.
    let mut transfers = network.transfers(&TransferModel::Raw, Moment(0));
    let up = network.upload(&TransferModel::Raw, &routes[&DeviceId(3)], Bytes::new(110_000));
    let latency = up.latency.get();
    transfers.start(FlowId(0), Moment(0), up).unwrap();
    let moved = (10.0 - latency) * 10e3;
    close(&[seconds(run(&mut transfers)[0].at)], &[10.0 + (110e3 - moved) / 1e3]);
}

#[test]
fn topologies_are_written_as_they_are_read() {
    let tiers = "two_tier: { aggregators: [{ name: a, uplink: 1 MB/s, downlink: 1 MB/s, devices: [0-5] }] }";
    let cells = "wifi: { cells: [{ name: a, uplink: 1 MB/s, downlink: 1 MB/s }] }";
    for text in ["star", tiers, cells, GRAPH] {
        let config = read(text).unwrap();
        assert_eq!(read(&serde_yaml::to_string(&config).unwrap()), Ok(config));
    }
}

#[test]
fn faults_are_named_where_they_are() {
    let graph = |from: &str, to: &str| GRAPH.replace(from, to);
    let tiers = |devices: &str| {
        format!(
            "two_tier: {{ aggregators: [{{ name: a, uplink: 1 MB/s, downlink: 1 MB/s{devices} }}] }}"
        )
    };
    let twice = "devices: [1, 3-4, 4]";
    for (text, says) in [
        (
            graph("from: core", "from: cor"),
            "`from` of the link \"backhaul\" names the unknown node \"cor\"; known are: server, core, tower, attic",
        ),
        (
            graph("to: tower", "to: towr"),
            "`to` of the link \"backhaul\" names the unknown node \"towr\"",
        ),
        (graph("at: attic", "at: atic"), "`at` of devices names the unknown node \"atic\""),
        (
            graph("[core, tower, attic]", "[core, tower, attic, core]"),
            "two nodes are called \"core\"",
        ),
        (
            graph("[core, tower, attic]", "[core, tower, attic, server]"),
            "\"server\" is always there",
        ),
        (graph("name: wire", "name: backbone"), "two links are called \"backbone\""),
        (graph("to: tower", "to: core"), "leads from \"core\" to itself"),
        (
            graph("capacity: 1 Gbit/s, latency: 5 ms", "latency: 5 ms"),
            "\"backbone\" needs either a capacity or a profile",
        ),
        (
            graph("sharing: shared", "capacity: 1 B/s"),
            "\"backhaul\" needs either a capacity or a profile",
        ),
        (graph("sharing: shared", "sharing: half_duplex"), "unknown variant `half_duplex`"),
        (graph("latency: 2 ms", "delay: 2 ms"), "unknown field `delay`"),
        (graph("at: 0 s", "at: 1 s"), "begins with a step at 0 s"),
        (graph("at: 10 s", "at: 0 s"), "the step at 0 s does not come after"),
        (graph("}] }", "}], period: 10 s }"), "the step at 10 s is not within the period of 10 s"),
        (graph("1 Gbit/s, latency", "0 B/s, latency"), "expected more than zero"),
        (graph("name: wire", "name: a wire"), "expected a name of 1 to 64"),
        (graph("3-4", "4-3"), "expected devices such as 7 or 0-49"),
        (graph("3-4", "3-6"), "devices 3-6 are listed, but the fleet has 6 devices"),
        (
            graph("devices: [1, 3-4]", twice),
            "device 4 is listed twice, in \"tower\" and in \"tower\"",
        ),
        (graph("access: wifi", "devices: [0]"), "device 2 is connected to nothing"),
        (
            graph("from: core, to: attic", "from: tower, to: core"),
            "no path leads from the server to device 0",
        ),
        (tiers(", devices: [0-4]"), "device 5 is connected to nothing"),
        (tiers(", devices: x"), "expected a sequence"),
        (
            tiers("}, { name: a, uplink: 1 MB/s, downlink: 1 MB/s"),
            "two aggregators are called \"a\"",
        ),
        ("two_tier: { aggregators: [] }".to_owned(), "expected at least one of aggregators"),
        ("wifi: { cells: [] }".to_owned(), "expected at least one of cells"),
        (
            "wifi: { cells: [{ name: a, uplink: 1 MB/s, downlink: 1 MB/s }] }\ngraph: {}"
                .to_owned(),
            "found wifi and graph",
        ),
        ("ring: {}".to_owned(), "unknown variant `ring`"),
        ("graph: { devices: [] }".to_owned(), "expected at least one of devices"),
    ] {
        let error = build(&text, 6).map(|_| ()).unwrap_err();
        assert!(error.contains(says), "expected {says:?}; found {error:?}");
    }
    // And where it is, as far as the reader knows.
    let error = read(&graph("latency: 2 ms", "delay: 2 ms")).unwrap_err();
    assert!(error.contains("graph.links[1]") && error.contains("line"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200, failure_persistence: None, rng_seed: RngSeed::Fixed(5), ..Default::default()
    })]

    #[test]
    fn one_search_finds_what_many_find(
        links in prop::collection::vec((0..12_u32, 0..12_u32, 0.001..0.1_f64), 1..40),
    ) {
        let mut net = Topology::new();
        net.add(Node::Router(0));
        for (from, to, latency) in links {
            let link = net.link(rate(1.0), Default::default());
            let latency = Seconds::new(latency).unwrap();
            net.edge(Node::Router(from), Node::Router(to), link, latency);
        }
        let (from, to) = (net.routes_from(Node::Router(0)).unwrap(), net.routes_to(Node::Router(0)).unwrap());
        for node in net.nodes() {
            prop_assert_eq!(from.route(node), net.route(Node::Router(0), node));
            prop_assert_eq!(to.route(node), net.route(node, Node::Router(0)));
        }
        prop_assert!(from.route(Node::Server).is_err());
    }

    #[test]
    fn profiles_step_when_they_say(
        steps in prop::collection::btree_map(1..1000_u64, 0.0..10.0_f64, 0..6), periodic in any::<bool>(),
        now in 0..5000_u64,
    ) {
        let step = |at: u64, capacity| Step { at: Seconds::new(at as f64 / 1e9).unwrap(), capacity: rate(capacity) };
        let mut all = vec![step(0, 5.0)];
        all.extend(steps.iter().map(|(at, capacity)| step(*at, *capacity)));
        let period = periodic.then(|| Seconds::new(1e-6).unwrap());
        let profile = CapacityProfile::new(&all, period).unwrap();
        let phase = if periodic { now % 1000 } else { now };
        let expected = steps.range(..=phase).next_back().map_or(5.0, |(_, capacity)| *capacity);
        prop_assert_eq!(profile.at(Moment(now)).get(), expected);
        if let Some(next) = profile.next_step(Moment(now)) {
            prop_assert!(next > Moment(now));
            for between in now..next.0 {
                prop_assert_eq!(profile.at(Moment(between)), profile.at(Moment(now)));
            }
            let begins = if periodic { next.0 % 1000 } else { next.0 };
            prop_assert!(begins == 0 || steps.contains_key(&begins));
        } else {
            prop_assert!(steps.is_empty() || (!periodic && now >= *steps.keys().next_back().unwrap()));
        }
    }
}

#[test]
fn a_device_with_the_whole_star_to_itself_agrees_with_alone() {
    let fleet = fleet(3);
    let wiring =
        Wiring::new(&TopologyConfig::Star, TransferModel::Raw, &server(), &fleet.devices).unwrap();
    let built = build("star", 3).unwrap();
    let size = Bytes::new(12_345_678);
    for device in &fleet.devices {
        let work =
            Workload { phases: vec![], peak_memory: Bytes::ZERO, download: size, upload: size };
        let alone = Alone { device, wiring: &wiring };
        let routes = &built.device_routes().unwrap()[&device.id];
        for (transfer, expected) in [
            (built.download(&TransferModel::Raw, routes, size), alone.download(&work)),
            (built.upload(&TransferModel::Raw, routes, size), alone.upload(&work)),
        ] {
            let mut transfers = built.transfers(&TransferModel::Raw, Moment(0));
            transfers.start(FlowId(0), Moment(0), transfer).unwrap();
            close(&[seconds(run(&mut transfers)[0].at)], &[expected.get()]);
        }
    }
}

/// Behind an aggregator, in a graph and in a cell a device receives at its downlink's rate and sends at its uplink's,
/// whatever is the rate of the other, if all else is wider.
#[test]
fn every_access_has_its_directions_the_right_way_round() {
    let fleet = fleet(3);
    let server: ServerLink =
        serde_yaml::from_str("{ uplink: 90 Gbit/s, downlink: 90 Gbit/s, latency: 0 s }").unwrap();
    let size = Bytes::new(12_345_678);
    for topology in [
        "two_tier: { aggregators: [{ name: a, uplink: 50 Gbit/s, downlink: 50 Gbit/s }] }",
        "wifi: { cells: [{ name: a, uplink: 50 Gbit/s, downlink: 50 Gbit/s }] }",
        "graph: { devices: [{ at: server }] }",
    ] {
        let network = read(topology).unwrap().build(&fleet.devices, &server).unwrap();
        for (id, routes) in network.device_routes().unwrap() {
            let device = &fleet.devices[id.index()];
            assert_ne!(device.uplink(), device.downlink(), "or this proves nothing");
            for (transfer, own) in [
                (network.download(&TransferModel::Raw, &routes, size), device.downlink()),
                (network.upload(&TransferModel::Raw, &routes, size), device.uplink()),
            ] {
                let mut transfers = network.transfers(&TransferModel::Raw, Moment(0));
                transfers.start(FlowId(0), Moment(0), transfer).unwrap();
                let expected = device.latency() + size / own;
                close(&[seconds(run(&mut transfers)[0].at)], &[expected.get()]);
            }
        }
    }
}

/// Half of the capacity from 1 s on, and none from 2 s on, both ways.
#[test]
fn both_directions_of_a_cable_follow_its_profile() {
    let network = build(
        "graph:
           nodes: [far]
           links:
             - name: cable
               from: server
               to: far
               profile: { steps: [{ at: 0 s, capacity: 2 MB/s }, { at: 1 s, capacity: 1 MB/s }, { at: 2 s, capacity: 0 B/s }] }
           devices: [{ at: far }]",
        1,
    )
    .unwrap();
    let cable = network.links("cable");
    assert_eq!(cable.len(), 2);
    for link in cable {
        let profile = network.profile(*link).unwrap();
        let found = [0.5, 1.5, 2.5].map(|time| profile.at(at(time)).get());
        assert_eq!(found, [2e6, 1e6, 0.0]);
    }
}

/// The closed form of the star: its access links as caps give every transfer the time that they give as links, to the
/// last nanosecond, under every model.
#[test]
fn a_star_of_caps_is_the_star_of_links() {
    let fleet = fleet(12);
    for model in [TransferModel::Raw, TransferModel::Lv08(Lv08::default()), TransferModel::Cm02] {
        let wiring = Wiring::new(&TopologyConfig::Star, model, &server(), &fleet.devices).unwrap();
        let built = TopologyConfig::Star.build(&fleet.devices, &server()).unwrap();
        let routes = built.device_routes().unwrap();
        let mut ends = [wiring.transfers(Moment(0)), built.transfers(&model, Moment(0))];
        for (device, index) in fleet.devices.iter().zip(0..) {
            // Every device starts at a moment of its own, now one way, now the other.
            let (id, now) = (FlowId(index), Moment(index * index * 7_000_001));
            let size = Bytes::new(3_000_017 * (1 + index * index % 7));
            let (direction, routed) = match index % 3 {
                0 => (Direction::Down, built.download(&model, &routes[&device.id], size)),
                _ => (Direction::Up, built.upload(&model, &routes[&device.id], size)),
            };
            for (transfers, transfer) in
                ends.iter_mut().zip([wiring.transfer(device, direction, size), routed])
            {
                transfers.settle(now).unwrap();
                transfers.start(id, now, transfer).unwrap();
            }
        }
        let [caps, links] = ends.map(|mut transfers| run(&mut transfers));
        assert_eq!(caps, links, "{model:?}");
        assert!(caps.len() >= 6, "most transfers end after the last has begun");
    }
}
