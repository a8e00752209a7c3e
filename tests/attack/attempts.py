"""What somebody tries who has taken a site over. Runs on a server, with nothing but Python's standard library:

    attempts.py '{"pid": 123, …}' NAME…        prints what became of each attempt, as a JSON object

An attempt that is refused says so with the name of an errno, or with a word of the program that refused it.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

SECONDS = 20  # for one attempt
DONE = "done"
# All that a site whose database is on this server may find in /run and in /run/systemd.
SHOWN = {"NetworkManager", "postgresql", "resolvconf", "systemd", "incoming", "journal", "notify", "resolve"}


@dataclass(frozen=True)
class Attempt:
    """`control` is the user who, outside of any sandbox, does it; `refusal` is what the site is told, which may depend on the release."""

    what: str
    run: Callable[[SimpleNamespace], None]
    control: str
    refusal: str

    def is_refused(self, told: str) -> bool:
        return any(word in told for word in self.refusal.split(" or "))


class Refused(Exception):
    """The words of a program that did not do it."""


ATTEMPTS: dict[str, Attempt] = {}
# What nobody in a container may do, so that no control run can show that it would be done.
UNCONTROLLED: dict[str, Attempt] = {}


def attempt(what: str, *, refusal: str, control: str = "") -> Callable:
    def keep(run: Callable[[SimpleNamespace], None]) -> Callable[[SimpleNamespace], None]:
        (ATTEMPTS if control else UNCONTROLLED)[run.__name__] = Attempt(what, run, control, refusal)
        return run

    return keep


# Helpers

libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = {
    "x86_64": {"add_key": 248, "keyctl": 250, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425, "finit_module": 313},
    "aarch64": {"add_key": 217, "keyctl": 219, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "io_uring_setup": 425, "finit_module": 273},
}[os.uname().machine]


def checked(result: int) -> int:
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def kernel(name: str, *arguments: object) -> int:
    return checked(libc.syscall(NUMBERS[name], *arguments))


def program(*words: str, said: str = "") -> str:
    done = subprocess.run(words, input=said, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(done.stderr.strip() or f"status {done.returncode}")
    return done.stdout


def read(path: str) -> None:
    with open(path, "rb") as file:
        file.read(64)


def create(path: str) -> None:
    with open(path, "w"):
        pass
    os.unlink(path)


def connect_unix(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def list_others(path: str) -> None:
    if not set(os.listdir(path)) - SHOWN:
        raise Refused("nothing of others is there")


def connect(address: str, port: int = 9101) -> None:
    with socket.socket() as client:
        client.setblocking(False)
        client.connect_ex((address, port))
        _readable, writable, _broken = select.select([], [client], [], 3)
        if not writable:
            raise OSError(errno.ETIMEDOUT, "no answer")
        if error := client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, os.strerror(error))


def own_file() -> str:
    descriptor, path = tempfile.mkstemp()
    os.close(descriptor)
    return path


# Files


@attempt("list another site's directory", control="root", refusal="EACCES")
def list_site(_given):
    os.listdir("/srv/shop")


@attempt("read another site's code", control="shop", refusal="EACCES")
def read_code(_given):
    read("/srv/shop/current/source/project/settings.py")


@attempt("read another site's state", control="shop", refusal="EACCES")
def read_state(_given):
    read("/srv/shop/var/secret")


@attempt("read another site's uploads", control="shop", refusal="EACCES")
def read_media(_given):
    read("/srv/shop/media/secret")


@attempt("write among another site's uploads", control="shop", refusal="EACCES")
def write_media(_given):
    create("/srv/shop/media/attack")


@attempt("read another site's environment", control="root", refusal="EACCES")
def read_environment(_given):
    read("/etc/shortstop/shop/environment")


@attempt("read the file of its own environment", control="root", refusal="EACCES")
def read_own_environment(given):
    read(f"/etc/shortstop/blog/{given.own_release}.env")


@attempt("read the generated secrets", control="root", refusal="EACCES")
def read_generated(_given):
    read("/etc/shortstop/generated/shop.secret_key")


@attempt("read the hashes of passwords", control="root", refusal="EACCES")
def read_shadow(_given):
    read("/etc/shadow")


@attempt("read the journal", control="root", refusal="EACCES")
def read_journal(given):
    read(given.journal)


@attempt("connect to the journal's standard output", control="blog", refusal="EACCES")
def connect_to_journal(_given):
    socket.socket(socket.AF_UNIX).connect("/run/systemd/journal/stdout")


@attempt("open a terminal", control="blog", refusal="EACCES")
def open_terminal(_given):
    os.open("/dev/ptmx", os.O_RDWR)


@attempt("list root's home", control="root", refusal="EACCES")
def list_home(_given):
    os.listdir("/root")


@attempt("write its own code", control="root", refusal="EROFS")
def write_code(_given):
    create("/srv/blog/current/source/attack.py")


@attempt("write a static file", control="root", refusal="EROFS")
def write_static(_given):
    create("/srv/blog/static/attack.js")


@attempt("write to /etc", control="root", refusal="EROFS")
def write_etc(_given):
    create("/etc/attack")


@attempt("read another site's unit", control="blog", refusal="EACCES")
def read_unit(_given):
    read("/etc/systemd/system/gunicorn-shop@.service")


@attempt("write a unit of systemd", control="root", refusal="EACCES")
def write_unit(_given):
    create("/etc/systemd/system/attack.service")


@attempt("write a job of cron", control="root", refusal="EACCES")
def write_cron(_given):
    create("/etc/cron.d/attack")


@attempt("write a job of at", control="root", refusal="EROFS")
def write_at(_given):
    create("/var/spool/cron/atjobs/attack")


@attempt("raise its own limits", control="root", refusal="EACCES")
def write_limits(given):
    with open(given.limits, "r+") as file:
        file.write(file.read())


@attempt("read what lies in the server's /tmp", control="blog", refusal="ENOENT")
def read_tmp(_given):
    read("/tmp/attack-secret")


@attempt("read what lies in the server's /dev/shm", control="blog", refusal="ENOENT")
def read_shm(_given):
    read("/dev/shm/attack-secret")


@attempt("read shared memory of System V", control="blog", refusal="ENOENT")
def read_system_v(_given):
    checked(libc.shmget(0x5EC2E7, 0, 0o444))


@attempt("open a message queue of POSIX", control="blog", refusal="ENOENT")
def open_queue(_given):
    checked(libc.mq_open(b"/attack", os.O_RDONLY))


# Processes


@attempt("see another site's process", control="root", refusal="ENOENT")
def see_process(given):
    os.stat(f"/proc/{given.pid}")


@attempt("read the environment of another site's process", control="root", refusal="ENOENT")
def read_process_environment(given):
    read(f"/proc/{given.pid}/environ")


@attempt("send another site's process a signal", control="shop", refusal="EPERM")
def signal_process(given):
    os.kill(given.pid, signal.SIGCONT)


ATTACH, DETACH, TRACE_ME = 16, 17, 0


@attempt("trace another site's process", control="root", refusal="EPERM")
def trace_process(given):
    checked(libc.ptrace(ATTACH, given.pid, None, None))
    os.waitpid(given.pid, 0x40000000)
    checked(libc.ptrace(DETACH, given.pid, None, None))


@attempt("trace a process of its own", control="blog", refusal="EPERM")
def trace_child(_given):
    with subprocess.Popen(["sleep", "10"]) as child:
        try:
            checked(libc.ptrace(ATTACH, child.pid, None, None))
        finally:
            child.kill()


@attempt("read another site's memory", control="root", refusal="EPERM")
def read_memory(given):
    class Vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    buffer = ctypes.create_string_buffer(8)
    local, remote = Vector(ctypes.addressof(buffer), 8), Vector(given.mapped, 8)
    checked(libc.process_vm_readv(given.pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0))


# Privileges


@attempt("become root", control="root", refusal="EPERM")
def become_root(_given):
    checked(libc.setuid(0))


@attempt("join a group", control="root", refusal="EPERM")
def join_group(_given):
    os.setgroups([0])


@attempt("use sudo", control="deploy", refusal="no new privileges")
def use_sudo(_given):
    program("sudo", "--non-interactive", "true")


@attempt("use su with another user's password", control="blog", refusal="Authentication failure")
def use_su(_given):
    program("su", "--command", "true", "attack", said="attack\n")


@attempt("gain by a setuid program", control="blog", refusal="it ran as the site")
def use_setuid_program(_given):
    if program("/usr/local/bin/attack-id", "--user").strip() != "0":
        raise Refused("it ran as the site")


@attempt("make a setuid file", control="blog", refusal="EPERM")
def make_setuid(_given):
    os.chmod(own_file(), 0o4755)


@attempt("make a setgid file", control="blog", refusal="EPERM")
def make_setgid(_given):
    os.chmod(own_file(), 0o2755)


@attempt("give a file away", control="root", refusal="EPERM")
def give_away(given):
    os.chown(own_file(), given.uid, given.uid)


@attempt("make a device", control="root", refusal="EPERM")
def make_device(_given):
    os.mknod(own_file() + ".device", stat.S_IFBLK | 0o600, os.makedev(7, 0))


# The kernel


@attempt("mount something", control="root", refusal="EPERM")
def mount_something(_given):
    checked(libc.mount(b"none", tempfile.mkdtemp().encode(), b"tmpfs", 0, None))


@attempt("make a namespace of users", control="blog", refusal="EPERM")
def make_user_namespace(_given):
    checked(libc.unshare(0x10000000))


@attempt("make a namespace of mounts", control="root", refusal="EPERM")
def make_mount_namespace(_given):
    checked(libc.unshare(0x00020000))


@attempt("change its root", control="root", refusal="EPERM")
def change_root(_given):
    os.chroot("/tmp")


@attempt("name the host", control="root", refusal="EPERM")
def name_host(_given):
    socket.sethostname(socket.gethostname())


@attempt("open a raw socket", control="root", refusal="EPERM")
def raw_socket(_given):
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


@attempt("listen to the wire", control="root", refusal="EAFNOSUPPORT")
def packet_socket(_given):
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)


@attempt("talk to the kernel's network", control="blog", refusal="EAFNOSUPPORT")
def netlink_socket(_given):
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)


@attempt("load a program into the kernel", control="root", refusal="EPERM")
def load_bpf(_given):
    # A map: kind, size of a key, size of a value, entries.
    attributes = (ctypes.c_uint32 * 32)(2, 4, 4, 1)
    kernel("bpf", 0, ctypes.byref(attributes), 128)


@attempt("watch the processor", control="root", refusal="EPERM")
def watch_processor(_given):
    attributes = (ctypes.c_uint32 * 32)(1, 128)  # software events
    kernel("perf_event_open", ctypes.byref(attributes), 0, -1, -1, 0)


@attempt("use io_uring", control="blog", refusal="EPERM")
def use_io_uring(_given):
    parameters = (ctypes.c_uint32 * 30)()
    kernel("io_uring_setup", 1, ctypes.byref(parameters))


@attempt("handle page faults itself", control="blog", refusal="EPERM")
def handle_page_faults(_given):
    kernel("userfaultfd", 1)


@attempt("read another site's key from the kernel", control="shop", refusal="EACCES")
def read_key(given):
    kernel("keyctl", 11, given.key, ctypes.create_string_buffer(64), 64)


@attempt("take the protection of its addresses off", control="blog", refusal="EPERM")
def take_protection_off(_given):
    checked(libc.personality(0x0040000))


@attempt("map memory to write and run", control="blog", refusal="EPERM or EACCES")
def map_writable_code(_given):
    mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)


@attempt("run what it wrote into memory", control="blog", refusal="EPERM or EACCES")
def run_written_memory(_given):
    page = mmap.mmap(-1, 4096)
    page.write(b"\xc3")
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    checked(libc.mprotect(ctypes.addressof(ctypes.c_char.from_buffer(page)), 4096, mmap.PROT_READ | mmap.PROT_EXEC))


@attempt("run a program from /dev/shm", control="blog", refusal="EACCES")
def run_from_shm(_given):
    path = "/dev/shm/attack-program"
    with open(path, "w") as file:
        file.write("#!/bin/sh\n")
    try:
        os.chmod(path, 0o755)
        subprocess.run([path], check=True)
    finally:
        os.unlink(path)


@attempt("take a processor for itself", control="blog", refusal="EPERM")
def take_processor(_given):
    os.sched_setaffinity(0, [0])


@attempt("change its priority", control="blog", refusal="EPERM")
def change_priority(_given):
    os.nice(1)


# Sockets


@attempt("speak to another site's gunicorn", control="www-data", refusal="ENOENT")
def speak_to_gunicorn(given):
    connect_unix(f"/run/gunicorn-shop/{given.release}.sock")


@attempt("speak to another site's live socket", control="www-data", refusal="ENOENT")
def speak_to_live_socket(_given):
    connect_unix("/srv/shop/live.sock")


@attempt("speak to Docker", control="root", refusal="ENOENT")
def speak_to_docker(_given):
    connect_unix("/run/docker.sock")


@attempt("speak to systemd", control="root", refusal="ENOENT")
def speak_to_systemd(_given):
    connect_unix("/run/systemd/private")


@attempt("stop a service", control="root", refusal="Host is down")
def stop_service(_given):
    program("systemctl", "--no-ask-password", "restart", "attack-target.service")


@attempt("start a service of its own", control="root", refusal="Host is down")
def start_service(_given):
    program("systemd-run", "--no-ask-password", "--quiet", "--collect", "--wait", "true")


# /run


@attempt("list what other services keep in /run", control="blog", refusal="nothing of others is there")
def list_run(_given):
    list_others("/run")


@attempt("list what systemd keeps in /run", control="blog", refusal="nothing of others is there")
def list_run_of_systemd(_given):
    list_others("/run/systemd")


@attempt("list /run by its other name, /var/run", control="blog", refusal="nothing of others is there")
def list_var_run(_given):
    list_others("/var/run")


@attempt("list /run by a link in its own directory", control="blog", refusal="nothing of others is there")
def list_run_by_link(_given):
    link = f"{tempfile.mkdtemp()}/link"
    os.symlink("/run", link)
    list_others(link)


@attempt("list /run from the first process's root", control="root", refusal="ENOENT")
def list_run_of_first_process(_given):
    list_others("/proc/1/root/run")


@attempt("list the mounts of the first process", control="root", refusal="ENOENT")
def list_mounts_of_first_process(_given):
    read("/proc/1/mountinfo")


@attempt("list another site's sockets", control="blog", refusal="ENOENT")
def list_sockets(_given):
    os.listdir("/run/gunicorn-shop")


@attempt("list who is logged in", control="blog", refusal="ENOENT")
def list_sessions(_given):
    os.listdir("/run/systemd/sessions")


@attempt("read the record of logins", control="blog", refusal="ENOENT")
def read_logins(_given):
    read("/run/utmp")


@attempt("read how commands of other sites were started", control="blog", refusal="ENOENT")
def read_transient_units(_given):
    read("/run/systemd/transient/attack-target.service")


@attempt("write among the locks of services", control="blog", refusal="ENOENT")
def write_lock(_given):
    create("/run/lock/attack")


@attempt("write to /run", control="root", refusal="EROFS")
def write_run(_given):
    create("/run/attack")


@attempt("write where PostgreSQL has its socket", control="postgres", refusal="EROFS")
def write_postgresql(_given):
    create("/run/postgresql/attack")


@attempt("speak to the system bus", control="blog", refusal="ENOENT")
def speak_to_bus(_given):
    connect_unix("/run/dbus/system_bus_socket")


@attempt("speak to the system bus by its other name", control="blog", refusal="ENOENT")
def speak_to_bus_by_other_name(_given):
    connect_unix("/var/run/dbus/system_bus_socket")


@attempt("list another site's units over the bus", control="blog", refusal="No such file or directory")
def list_units(_given):
    manager = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
    if "gunicorn-shop@" not in program("busctl", "call", *manager, "ListUnitsByPatterns", "asas", "0", "1", "gunicorn-shop@*"):
        raise Refused("no unit was told")


@attempt("read another site's command line over the bus", control="blog", refusal="Host is down")
def read_command_line(given):
    if "/srv/shop/" not in program("systemctl", "show", "--property", "ExecStart", f"gunicorn-shop@{given.release}.service"):
        raise Refused("no command line was told")


@attempt("speak to sshd without the network", control="blog", refusal="ENOENT")
def speak_to_sshd(_given):
    connect_unix("/run/ssh-unix-local/socket")


@attempt("speak to systemd by varlink", control="blog", refusal="ENOENT")
def speak_varlink(_given):
    connect_unix("/run/systemd/userdb/io.systemd.DynamicUser")


@attempt("speak to a service whose socket is open to all", control="blog", refusal="ENOENT")
def speak_to_open_socket(_given):
    connect_unix("/run/attack-service/socket")


# Databases

PSQL = ("psql", "--no-password", "--no-psqlrc", "--command")


@attempt("enter another site's database as that site", control="shop", refusal="Peer authentication failed")
def enter_as_other(_given):
    program(*PSQL, "SELECT 1", "--dbname=shop", "--username=shop")


@attempt("enter another site's database as itself", control="shop", refusal="no pg_hba.conf entry")
def enter_other_database(_given):
    program(*PSQL, "SELECT 1", "--dbname=shop")


@attempt("enter the database server as its owner", control="postgres", refusal="Peer authentication failed")
def enter_as_postgres(_given):
    program(*PSQL, "SELECT 1", "--dbname=postgres", "--username=postgres")


@attempt("run a program through the database", control="postgres", refusal="permission denied or must be superuser")
def run_through_database(_given):
    program(*PSQL, "COPY (SELECT 1) TO PROGRAM 'cat >/dev/null'", "--dbname=blog")


# The network


@attempt("connect to a service on the loopback", control="blog", refusal="ETIMEDOUT")
def connect_loopback(_given):
    connect("127.0.0.2")


@attempt("connect to nginx behind its back", control="blog", refusal="ETIMEDOUT")
def connect_nginx(_given):
    connect("127.0.0.1", 80)


@attempt("send a datagram to the loopback", control="blog", refusal="EPERM")
def send_loopback(_given):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", ("127.0.0.2", 9101))


@attempt("connect to the cloud's metadata", control="blog", refusal="ETIMEDOUT")
def connect_metadata(_given):
    connect("169.254.169.254")


@attempt("connect to the private network", control="blog", refusal="ETIMEDOUT")
def connect_private(given):
    connect(given.address)


# In a container even root is refused these.


@attempt("read the kernel's memory", refusal="EACCES or ENOENT")
def read_kernel_memory(_given):
    read("/proc/kcore")


@attempt("press a magic key", refusal="EACCES or ENOENT")
def press_magic_key(_given):
    with open("/proc/sysrq-trigger", "w"):
        pass


@attempt("load a module", refusal="EPERM")
def load_module(_given):
    kernel("finit_module", -1, b"", 0)


@attempt("set the clock", refusal="EPERM")
def set_clock(_given):
    import time

    time.clock_settime(time.CLOCK_REALTIME, time.time())


@attempt("take more of the processor", refusal="EPERM")
def take_more(_given):
    os.setpriority(os.PRIO_PROCESS, 0, -5)


def outcome(tried: Attempt, given: SimpleNamespace) -> str:
    """In a process of its own, so that none changes what the next one meets."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        try:
            tried.run(given)
            said = DONE
        except OSError as error:
            said = errno.errorcode.get(error.errno, str(error))
        except Refused as refused:
            said = str(refused)
        os.write(writing, said.encode()[:4096])
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read().decode()
    _pid, status = os.waitpid(child, 0)
    return said or f"ended with status {status}"


def main() -> None:
    given, names = SimpleNamespace(**json.loads(sys.argv[1])), sys.argv[2:]
    print(json.dumps({name: outcome({**ATTEMPTS, **UNCONTROLLED}[name], given) for name in names}))


if __name__ == "__main__":
    main()
