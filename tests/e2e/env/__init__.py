"""What the tests are made of: one class for each process, each end of a connection."""

from .certs import Authority, Certs, openssl
from .gateway import Gateway
from .load import Load
from .node import Node
from .ports import free_address, free_port
from .process import BUILD, ROOT, Process, program
from .raw_client import HOST, Answer, RawClient, request_bytes
from .scripted_backend import ScriptedBackend
from . import tidy
from .wait import DEADLINE_S, eventually
from .wire import Headers, Incomplete, ProtocolError, Wire, chunk, chunked, head_bytes
from .websocket import WebSocket
