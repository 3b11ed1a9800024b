//! The network: what connects devices to the server, and how flows share it.
