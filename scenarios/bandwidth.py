"""The way to the broker is narrow."""

from stallproof import EVERY, Bandwidth, Workload, at, scenario


@scenario(
    schedule=[
        at(3, Bandwidth(links=EVERY, rate_kb_s=4, streams=("upstream", "downstream")), for_s=6)
    ],
    workload=Workload(rate_per_s=4, for_s=12),
)
def bandwidth_squeeze() -> None:
    """Four kilobytes a second each way, on every connection

    On Cloud Run: a VPC connector of the smallest machine type, shared with a bulk transfer.
    The guide promises: nothing in particular.
    Must hold: all stories are done, POST stays within its five seconds.
    """
