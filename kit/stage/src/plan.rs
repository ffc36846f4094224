//! The plan of a stage: every process with its port and its settings.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

use uuid::Uuid;

use crate::{
    compile::Programs,
    course::Chapter,
    launcher::{Options, StartError, io_error},
    manifest::{self, Manifest, NATS, PAYMENTS},
    nats,
    ports::Ports,
    process::Spec,
    run::RunFolder,
    status::{Address, ProcessStatus, Staff, State, Status},
};

/// The processes to start, and the status of the stage before they are started.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) specs: Vec<Spec>,
    pub(crate) status: Status,
    pub(crate) ports_taken: Vec<u16>,
}

const STAFF_EMAIL: &str = "staff@shop.example";

impl Plan {
    pub(crate) fn new(
        chapter: &Chapter,
        programs: &Programs,
        run: &RunFolder,
        options: &Options,
    ) -> Result<Self, StartError> {
        let manifest = &chapter.manifest;
        options.check(manifest)?;
        let config = chapter.workspace().join("nats.conf");
        if manifest.nats && !config.is_file() {
            return Err(StartError::NatsConfig { chapter: manifest.number, file: config });
        }
        let mut ports = options.first_port.map_or_else(Ports::private, Ports::from);
        let mut specs = specs(manifest, programs, run, options)?;
        let data = run.data(manifest.number);
        let balanced = balanced(manifest, &specs, &mut ports)?;
        for spec in publics_first(&mut specs, manifest) {
            if spec.service == NATS {
                serve_nats(spec, &config, &data.join(NATS), &mut ports)?;
            } else {
                spec.address = format!("http://127.0.0.1:{}", port(spec, &mut ports)?);
                spec.health = format!("{}/health/ready", spec.address);
            }
        }
        let addresses = addresses(&specs, &balanced);
        let staff = Staff { email: STAFF_EMAIL.to_owned(), password: password(&data, options) };
        for spec in &mut specs {
            let process = manifest.processes.iter().find(|process| process.service == spec.service);
            spec.settings = settings(spec, process, &addresses, &staff, &data, options);
        }
        let status = status(&specs, chapter, &addresses, staff, &data, options);
        let status = Status { balancers: balanced, ..status };
        Ok(Self { specs, status, ports_taken: ports.taken })
    }
}

/// The file with the staff's password. It is kept with the data, because the database contains only its hash.
pub(crate) fn password_file(data: &Path) -> PathBuf {
    data.join("staff-password")
}

fn password(data: &Path, options: &Options) -> String {
    let kept = options.keep_data.then(|| fs::read_to_string(password_file(data)).ok()).flatten();
    // The second half of a UUIDv7 is random: 62 bits.
    kept.unwrap_or_else(|| Uuid::now_v7().simple().to_string().split_off(16))
}

/// Every process in the order of the manifest, then the NATS server and the payment sandbox. Ports and settings are still missing.
fn specs(
    manifest: &Manifest,
    programs: &Programs,
    run: &RunFolder,
    options: &Options,
) -> Result<Vec<Spec>, StartError> {
    let services = manifest.processes.iter().map(|process| (process.service.as_str(), process.instances));
    let others = [(manifest.nats, NATS), (manifest.payments, PAYMENTS)];
    let others = others.into_iter().filter_map(|(needed, service)| needed.then_some((service, 1)));
    let mut specs = Vec::new();
    for (service, instances) in services.chain(others) {
        let program = programs.get(service).ok_or_else(|| StartError::NoProgram(service.to_owned()))?;
        let instances = options.scale.get(service).copied().unwrap_or(instances);
        for instance in 1..=instances {
            let name = format!("{service}-{instance}");
            specs.push(Spec {
                log: run.logs().join(format!("{name}.log")),
                source: if instances == 1 { service.to_owned() } else { name },
                service: service.to_owned(),
                instance,
                program: program.to_owned(),
                arguments: Vec::new(),
                address: String::new(),
                health: String::new(),
                settings: BTreeMap::new(),
            });
        }
    }
    Ok(specs)
}

/// The processes in the order of port allocation: public services get the first ports.
fn publics_first<'a>(specs: &'a mut [Spec], manifest: &Manifest) -> impl Iterator<Item = &'a mut Spec> {
    let (first, others): (Vec<_>, Vec<_>) = specs.iter_mut().partition(|spec| is_public(spec, manifest));
    first.into_iter().chain(others)
}

fn port(spec: &Spec, ports: &mut Ports) -> Result<u16, StartError> {
    ports.take().map_err(io_error("cannot find a port for", Path::new(&spec.service)))
}

/// Allocates two ports for a NATS server: one for clients and one for monitoring.
fn serve_nats(spec: &mut Spec, config: &Path, store: &Path, ports: &mut Ports) -> Result<(), StartError> {
    let (clients, monitor) = (port(spec, ports)?, port(spec, ports)?);
    spec.address = format!("nats://127.0.0.1:{clients}");
    // Returns 200 once clients are accepted and JetStream has loaded its streams.
    spec.health = format!("http://127.0.0.1:{monitor}/healthz?js-enabled-only=true");
    spec.arguments = nats::arguments(config, clients, monitor, store);
    Ok(())
}

/// The balancer URL of each public service with several instances.
fn balanced(
    manifest: &Manifest,
    specs: &[Spec],
    ports: &mut Ports,
) -> Result<BTreeMap<String, String>, StartError> {
    let several = specs.iter().filter(|spec| spec.instance == 2 && is_public(spec, manifest));
    let address =
        |spec: &Spec| Ok((spec.service.clone(), format!("http://127.0.0.1:{}", port(spec, ports)?)));
    several.map(address).collect()
}

fn is_public(spec: &Spec, manifest: &Manifest) -> bool {
    manifest.processes.iter().any(|process| process.service == spec.service && !process.routes.is_empty())
}

/// The URL of each service: its balancer, otherwise its first instance.
fn addresses(specs: &[Spec], balanced: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let first = specs.iter().filter(|spec| spec.instance == 1);
    let addresses = first.map(|spec| (spec.service.clone(), spec.address.clone()));
    addresses.chain(balanced.clone()).collect()
}

fn settings(
    spec: &Spec,
    process: Option<&manifest::Process>,
    addresses: &BTreeMap<String, String>,
    staff: &Staff,
    data: &Path,
    options: &Options,
) -> BTreeMap<String, OsString> {
    let mut settings: BTreeMap<String, OsString> =
        options.settings.iter().map(|(name, value)| (name.clone(), value.into())).collect();
    let mut set =
        |name: &str, value: &dyn AsRef<OsStr>| settings.insert(name.to_owned(), value.as_ref().to_owned());
    set("LISTEN", &spec.address.trim_start_matches("http://"));
    let Some(process) = process else {
        set("LEDGER", &data.join("payments.db")); // for the payment sandbox; the NATS server ignores it
        return settings;
    };
    set("STAFF_EMAIL", &staff.email);
    set("STAFF_PASSWORD", &staff.password);
    if let Some(database) = &process.database {
        set("DATABASE", &data.join(database));
    }
    for (name, file) in &process.files {
        set(name, &data.join(file));
    }
    let others = [NATS, PAYMENTS].into_iter().filter(|other| addresses.contains_key(*other));
    for need in process.needs.iter().map(String::as_str).chain(others) {
        set(&url_of(need), &addresses[need]);
    }
    settings
}

/// The variable with the address of another process.
pub(crate) fn url_of(service: &str) -> String {
    format!("{}_URL", service.to_uppercase().replace('-', "_"))
}

fn status(
    specs: &[Spec],
    chapter: &Chapter,
    addresses: &BTreeMap<String, String>,
    staff: Staff,
    data: &Path,
    options: &Options,
) -> Status {
    let manifest = &chapter.manifest;
    let address = |service| addresses.get(service).map(|url| Address { url: url.clone() });
    let process_status = |spec: &Spec| ProcessStatus {
        service: spec.service.clone(),
        instance: spec.instance,
        pid: None,
        state: State::Dead,
        address: spec.address.clone(),
        log: spec.log.clone(),
    };
    let routes = manifest.processes.iter().flat_map(|process| {
        process.routes.iter().map(|route| (route.clone(), addresses[&process.service].clone()))
    });
    let databases: Vec<PathBuf> = manifest
        .processes
        .iter()
        .filter_map(|process| process.database.as_ref())
        .map(|file| data.join(file))
        .collect();
    Status {
        chapter: manifest.number,
        routes: routes.collect(),
        balancers: BTreeMap::new(),
        staff,
        payments: address(PAYMENTS),
        nats: address(NATS),
        workspace: chapter.workspace(),
        processes: specs.iter().map(process_status).collect(),
        databases,
        settings: options.settings.clone(),
    }
}
