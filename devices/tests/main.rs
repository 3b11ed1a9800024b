//! The laws of devices, fleets, energy, availability and networks, through the public API.
