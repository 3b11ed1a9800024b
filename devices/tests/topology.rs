//! Routes, the star, duplex (N11).

use fleetune_devices::{
    DeviceId, Fleet, FleetConfig, Profiles,
    network::{
        ServerLink,
        fair_share::{Flow, solve},
        topology::{Duplex, LinkId, Node, Route, RouteError, Topology},
    },
    streams::SeedTree,
};
use fleetune_units::{BytesPerSecond, Seconds};

fn rate(value: f64) -> BytesPerSecond {
    BytesPerSecond::new(value).unwrap()
}

fn ms(value: f64) -> Seconds {
    Seconds::new(value / 1e3).unwrap()
}

fn links(route: &Route) -> Vec<LinkId> {
    route.links().collect()
}

const A: Node = Node::Router(1);
const B: Node = Node::Router(2);
const C: Node = Node::Router(3);

#[test]
fn the_route_is_the_least_latency_and_ties_go_to_fewer_links_then_lower_ids() {
    let mut net = Topology::new();
    let (first, _) = net.cable((A, B), rate(1.0), ms(5.0), Duplex::Split);
    let (second, _) = net.cable((B, C), rate(1.0), ms(5.0), Duplex::Split);
    let (direct, _) = net.cable((A, C), rate(1.0), ms(10.0), Duplex::Split);
    net.cable((A, C), rate(1.0), ms(10.0), Duplex::Split);
    assert_eq!(links(&net.route(A, C).unwrap()), [direct], "fewer links, then the lower id");
    let (faster, _) = net.cable((B, C), rate(1.0), ms(4.0), Duplex::Split);
    let route = net.route(A, C).unwrap();
    assert_eq!(links(&route), [first, faster]);
    assert!((route.latency.get() - 0.009).abs() < 1e-15);
    assert_eq!(links(&net.route(B, C).unwrap()), [faster]);
    assert_ne!(faster, second);
    assert!(net.route(A, A).unwrap().hops.is_empty());
}

#[test]
fn missing_nodes_and_paths_are_errors() {
    let mut net = Topology::new();
    let link = net.link(rate(1.0), Default::default());
    net.edge(A, B, link, ms(1.0));
    assert_eq!(net.route(A, C), Err(RouteError::NoSuchNode(C)));
    assert_eq!(net.route(B, A), Err(RouteError::Unreachable { from: B, to: A }));
}

#[test]
fn n11_duplex_decides_whether_opposite_flows_meet() {
    for (duplex, expected) in [(Duplex::Shared, 0.5), (Duplex::Split, 1.0), (Duplex::FatPipe, 1.0)]
    {
        let mut net = Topology::new();
        net.cable((A, B), rate(1.0), ms(1.0), duplex);
        let flow =
            |from, to| Flow::over(net.route(from, to).unwrap().links().map(|link| link.index()));
        let rates = solve(net.links(), &[flow(A, B), flow(B, A)]).unwrap();
        assert_eq!(rates, [rate(expected), rate(expected)], "{duplex:?}");
    }
}

#[test]
fn the_star_routes_over_the_access_link_and_the_server_link() {
    let config: FleetConfig = serde_yaml::from_str(
        "{ groups: [{ profile: raspberry-pi-5, count: 3 }], heterogeneity: { link_sigma: 0.5 } }",
    )
    .unwrap();
    let fleet = Fleet::draw(&config, &Profiles::shipped().unwrap(), &SeedTree::new(4)).unwrap();
    let server: ServerLink =
        serde_yaml::from_str("{ uplink: 1 Gbit/s, downlink: 500 Mbit/s, latency: 10 ms }").unwrap();
    let net = Topology::star(&fleet.devices, &server);
    assert_eq!(net.node_count(), 5);
    for device in &fleet.devices {
        let node = Node::Device(device.id);
        let (down, up) =
            (net.route(Node::Server, node).unwrap(), net.route(node, Node::Server).unwrap());
        let capacity = |route: &Route, at: usize| net.links()[links(route)[at].index()].capacity;
        assert_eq!(capacity(&down, 0), server.uplink);
        assert_eq!(capacity(&down, 1), device.downlink());
        assert_eq!(capacity(&up, 0), device.uplink());
        assert_eq!(capacity(&up, 1), server.downlink);
        assert_eq!(up.latency, down.latency);
        assert_eq!(up.latency, device.latency() + server.latency);
    }
    assert!(net.route(Node::Device(DeviceId(0)), Node::Device(DeviceId(2))).is_ok());
}
