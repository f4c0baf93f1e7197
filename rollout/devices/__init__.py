"""Adapters that configure production devices, behind the port `session.DeviceSession`."""
