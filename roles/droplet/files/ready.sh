# Whether a droplet is ready: ready.sh 'USER USER' ADDRESS [WORDS FOR SSH…]. 0: it is; 75: not yet; 1: it will never be.
export LC_ALL=C
users=$1
address=$2
shift 2
for user in $users; do
    said=$(ssh "$@" -o BatchMode=yes -o ConnectTimeout=5 -o ServerAliveInterval=5 -l "$user" "$address" '
        echo inside
        if command -v cloud-init >/dev/null; then cloud-init status; else echo status: none; fi' 2>&1 </dev/null | tr -d '\r')
    case $said in
    *"HOST IDENTIFICATION HAS CHANGED"* | *"Host key verification failed"*)
        echo "$address has another host key than the one that is pinned. If nobody rebuilt it, somebody stands between; trust nothing that it says"
        exit 1
        ;;
    *inside*"status: done"* | *inside*"status: disabled"* | *inside*"status: none"*) exit 0 ;;
    *inside*"status: error"*)
        echo "its first boot failed; look there into /var/log/cloud-init-output.log"
        exit 1
        ;;
    *inside*)
        echo "cloud-init is still at work at $address ($(echo "$said" | tail -n 1))"
        exit 75
        ;;
    esac
done
echo "SSH lets nobody in at $address ($(echo "$said" | tail -n 1))"
exit 75
