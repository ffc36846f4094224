# The workshop kit: one command a recipe. `just X --help` says more about each.

set positional-arguments

# The first time Cargo shows that it compiles: some minutes without a word look like a hang.
quiet := if path_exists("target/debug/kit") == "true" { "--quiet" } else { "" }
# `exec`, so that no shell stands between Ctrl-C and the kit
kit := "cargo run " + quiet + " --package kit --"

# list the commands
[private]
default:
    @just --list --unsorted

# build and start stage N, and follow its log until Ctrl-C: just chapter 1
chapter *ARGS:
    @exec {{ kit }} chapter "$@"

# walk through one customer's journey on the running stage; --messages: with what the services tell each other
tour *ARGS:
    @exec {{ kit }} tour "$@"

# the running stage: processes, addresses, memory, log-ins
status *ARGS:
    @exec {{ kit }} status "$@"

# stop the running stage from another terminal
stop *ARGS:
    @exec {{ kit }} stop "$@"

# do a fault to the running stage: just break shop kill|stop|freeze|slow 200|hang|cut|heal
break *ARGS:
    @exec {{ kit }} break "$@"

# check the running stage: was anything lost, doubled or oversold?
audit *ARGS:
    @exec {{ kit }} audit "$@"

# run every test, or those of one chapter or of the chain: just test 1, just test chain
test *ARGS:
    @exec {{ kit }} test "$@"

# measure a stage under load and failure, all or what a name has: just bench 1 read-product
bench *ARGS:
    @exec {{ kit }} bench "$@"

# run an experiment on a stage of its own, load and faults and audit: just lab kill-one 1 2
lab *ARGS:
    @exec {{ kit }} lab "$@"

# measure chapters in turn, and write the table and the charts: just compare 1 2 --book
compare *ARGS:
    @exec {{ kit }} compare "$@"

# build the book, and serve it on this machine: just book --open
book *ARGS:
    @exec {{ kit }} book "$@"

# the exercises: minutes, your progress, what is next; --room FOLDER: of a whole room
exercises *ARGS:
    @exec {{ kit }} exercises "$@"

# make a folder to work in, a stage with a part taken away: just start 1.1
[no-exit-message]
start *ARGS:
    @exec {{ kit }} start "$@"

# compile what you have and run the exercise's tests: just check 1.1
[no-exit-message]
check *ARGS:
    @exec {{ kit }} check "$@"

# check again whenever you save a file
[no-exit-message]
watch *ARGS:
    @exec {{ kit }} watch "$@"

# the next hint: a question, then a concept, then code
hint *ARGS:
    @exec {{ kit }} hint "$@"

# begin an exercise anew; what you have is moved aside and named
reset *ARGS:
    @exec {{ kit }} reset "$@"

# what the stage has and you have not; asks first
[no-exit-message]
solution *ARGS:
    @exec {{ kit }} solution "$@"

# fetch and compile everything for a room without network, then try it
prepare *ARGS:
    @exec {{ kit }} prepare "$@"

# what differs between two chapters: just diff 1 2 [PATH] [--stat]
diff *ARGS:
    @exec {{ kit }} diff "$@"

# (authors) take the uncommitted change of chapter N forward through every later one: just carry 1
carry *ARGS:
    @exec {{ kit }} carry "$@"

# (authors) print the table of what a chapter changes, from its files: just declare 2
declare *ARGS:
    @exec {{ kit }} declare "$@"

# (authors) bring a dependency to one version in every workspace: just update serde 1.0.230
update *ARGS:
    @exec {{ kit }} update "$@"

# check that this machine has what the course needs
doctor *ARGS:
    @exec {{ kit }} doctor "$@"
