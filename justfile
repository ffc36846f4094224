# The commands of the course. `just NAME --help` explains each of them.

set positional-arguments

# Variables that would change the build are removed, and a target folder for all projects is not used.
cargo_run := "exec env -u CARGO_BUILD_TARGET -u CARGO_ENCODED_RUSTFLAGS -u RUSTFLAGS cargo run --target-dir target --package kit"
# Says after three seconds that the kit is being compiled: `exec` keeps the process id, and Cargo's name until the kit runs.
announce := '(n=0; while [ $n -lt 30 ]; do sleep 0.1; case "$(ps -o comm= -p $$)" in *cargo) n=$((n + 1));; *) exit;; esac; done; echo "compiling the kit: up to two minutes on two cores" >&2) >/dev/null & '
# The first time, Cargo shows its progress. `exec` lets Ctrl-C reach the kit without a shell in between.
kit := if path_exists("target/debug/kit") == "true" { announce + cargo_run + " --quiet --" } else { 'echo "compiling the kit: about two minutes on two cores" >&2; ' + cargo_run + " --" }

# list the commands
[private]
default:
    @just --list --unsorted

# build and start stage N, and follow its log until Ctrl-C: just chapter 1
[no-exit-message]
chapter *ARGS:
    @{{ kit }} chapter "$@"

# walk through one customer's journey on the running stage; --messages also shows commands and events
[no-exit-message]
tour *ARGS:
    @{{ kit }} tour "$@"

# show the running stage: processes, addresses, memory, log-ins
[no-exit-message]
status *ARGS:
    @{{ kit }} status "$@"

# stop the running stage from another terminal
[no-exit-message]
stop *ARGS:
    @{{ kit }} stop "$@"

# inject a fault into the running stage: just break shop kill|stop|freeze|slow 200|hang|cut|heal
[no-exit-message]
break *ARGS:
    @{{ kit }} break "$@"

# check the running stage: was anything lost, duplicated or oversold?
[no-exit-message]
audit *ARGS:
    @{{ kit }} audit "$@"

# list, show, replay or drop the messages that the running stage could not process: just dead-letters list
[no-exit-message]
dead-letters *ARGS:
    @{{ kit }} dead-letters "$@"

# run all tests that have to run, or those of one part: just test 1, just test chain, just test --timings
[no-exit-message]
test *ARGS:
    @{{ kit }} test "$@"

# measure a stage under load and failure; a name selects benchmarks: just bench 1 read-product
[no-exit-message]
bench *ARGS:
    @{{ kit }} bench "$@"

# run an experiment on separate stages, with load, faults and audit: just lab kill-one 1 2
[no-exit-message]
lab *ARGS:
    @{{ kit }} lab "$@"

# measure several chapters in turn, and write the table and the charts: just compare 1 2 --book
[no-exit-message]
compare *ARGS:
    @{{ kit }} compare "$@"

# build the book and serve it on this machine: just book --open
[no-exit-message]
book *ARGS:
    @{{ kit }} book "$@"

# list the exercises: minutes, your progress, the next one; --room FOLDER: those of a whole workshop
[no-exit-message]
exercises *ARGS:
    @{{ kit }} exercises "$@"

# create a folder to work in, a stage with one part removed: just start 1.1
[no-exit-message]
start *ARGS:
    @{{ kit }} start "$@"

# compile your code and run the tests of the exercise: just check 1.1
[no-exit-message]
check *ARGS:
    @{{ kit }} check "$@"

# run the check whenever you save a file
[no-exit-message]
watch *ARGS:
    @{{ kit }} watch "$@"

# show the next hint: a question, a concept, a skeleton, the code
[no-exit-message]
hint *ARGS:
    @{{ kit }} hint "$@"

# restart an exercise; your files are moved to another folder
[no-exit-message]
reset *ARGS:
    @{{ kit }} reset "$@"

# show the differences between the stage and your code, after confirmation
[no-exit-message]
solution *ARGS:
    @{{ kit }} solution "$@"

# fetch and compile everything for a workshop without network, then try it
[no-exit-message]
prepare *ARGS:
    @{{ kit }} prepare "$@"

# show the differences between two chapters: just diff 1 2 [PATH] [--stat]
[no-exit-message]
diff *ARGS:
    @{{ kit }} diff "$@"

# (authors) carry the uncommitted change of chapter N forward through every later one: just carry 1
[no-exit-message]
carry *ARGS:
    @{{ kit }} carry "$@"

# (authors) print the table of changes of a chapter, computed from its files: just declare 2
[no-exit-message]
declare *ARGS:
    @{{ kit }} declare "$@"

# (authors) update a dependency to the same version in every workspace: just update serde 1.0.230
[no-exit-message]
update *ARGS:
    @{{ kit }} update "$@"

# check that this machine has everything the course needs
[no-exit-message]
doctor *ARGS:
    @{{ kit }} doctor "$@"
