"""What the tests are made of: one class for each process, each end of a connection."""

from . import tidy
from .browser import BROWSERS, told_by
from .certs import Authority, Certs, openssl, server_context
from .citizen import COOKIE, IDENTITY_KEY, SESSION_ROUTES, Citizen, ordered
from .dns_server import DNSServer
from .gateway import FORGETFUL, Gateway
from .h2_client import Ended, H2Client, frame_bytes
from .load import Load
from .node import Node
from .patient import PROBE_PATH, Patient
from .ports import free_address, free_port
from .process import ROOT, Process, program
from .raw_client import HOST, RawClient, request_bytes
from .redis import Redis, RedisCluster, RedisServer, RedisTLS, SentinelTrio
from .scripted_backend import ScriptedBackend
from .wait import DEADLINE_S, eventually
from .websocket import WebSocket
from .wire import Incomplete, Wire, chunk, chunked, head_bytes
