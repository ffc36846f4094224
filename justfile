# The workshop kit: one command a recipe. `just X --help` says more about each.

set positional-arguments

kit := "cargo run --quiet --package kit --"

# list the commands
[private]
default:
    @just --list --unsorted

# build and start stage N, and follow its log until Ctrl-C: just chapter 1
chapter *ARGS:
    @{{ kit }} chapter "$@"

# walk through one customer's journey on the running stage
tour *ARGS:
    @{{ kit }} tour "$@"

# the running stage: processes, addresses, memory, log-ins
status *ARGS:
    @{{ kit }} status "$@"

# stop the running stage from another terminal
stop *ARGS:
    @{{ kit }} stop "$@"

# do a fault to the running stage: just break shop kill|stop|freeze|heal
break *ARGS:
    @{{ kit }} break "$@"

# check the running stage: was anything lost, doubled or oversold?
audit *ARGS:
    @{{ kit }} audit "$@"

# run every test, or those of one chapter: just test 1
test *ARGS:
    @{{ kit }} test "$@"

# kill -9 every process of stage N under load, ten times, and audit what it kept: just kill-test 1
kill-test *ARGS:
    @{{ kit }} kill-test "$@"

# measure a stage under load and failure: just bench 1
bench *ARGS:
    @{{ kit }} bench "$@"

# check that this machine has what the course needs
doctor *ARGS:
    @{{ kit }} doctor "$@"
