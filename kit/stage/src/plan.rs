//! What will be started: which process with which port and which settings.

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
    manifest::{self, Manifest, PAYMENTS},
    ports::Ports,
    process::Spec,
    run::RunFolder,
    status::{Address, ProcessStatus, Staff, State, Status},
};

/// Every process of a stage, and the status it will have.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) specs: Vec<Spec>,
    pub(crate) status: Status,
    pub(crate) ports_taken: Vec<u16>,
}

/// What the launcher says to every process; a setting of the same name would be overruled.
const OURS: [&str; 7] =
    ["LISTEN", "DATABASE", "LEDGER", "PAYMENTS_URL", "NATS_URL", "STAFF_EMAIL", "STAFF_PASSWORD"];
const STAFF_EMAIL: &str = "staff@shop.example";

impl Plan {
    pub(crate) fn new(
        chapter: &Chapter,
        programs: &Programs,
        run: &RunFolder,
        options: &Options,
    ) -> Result<Self, StartError> {
        let manifest = &chapter.manifest;
        check(manifest, options)?;
        let mut ports = options.first_port.map_or_else(Ports::private, Ports::from);
        let mut specs = specs(manifest, programs, run, options)?;
        assign_ports(&mut specs, manifest, &mut ports)?;
        let addresses = addresses(&specs);
        let data = run.data(manifest.number);
        let staff = Staff { email: STAFF_EMAIL.to_owned(), password: password(&data, options) };
        for spec in &mut specs {
            let process = manifest.processes.iter().find(|process| process.service == spec.service);
            spec.settings = settings(spec, process, &addresses, &staff, &data, options);
        }
        let status = status(&specs, manifest, &addresses, staff, &data, options);
        Ok(Self { specs, status, ports_taken: ports.taken })
    }
}

/// Where the staff's password is kept: it is as old as the data, which know it only as a hash.
pub(crate) fn password_file(data: &Path) -> PathBuf {
    data.join("staff-password")
}

fn password(data: &Path, options: &Options) -> String {
    let kept = options.keep_data.then(|| fs::read_to_string(password_file(data)).ok()).flatten();
    // 74 bits of a new one are random.
    kept.unwrap_or_else(|| Uuid::now_v7().simple().to_string().split_off(16))
}

fn check(manifest: &Manifest, options: &Options) -> Result<(), StartError> {
    if manifest.nats {
        return Err(StartError::Nats(manifest.number));
    }
    let services = || manifest.processes.iter().map(|process| process.service.as_str());
    for (service, wanted) in &options.scale {
        if *wanted == 0 || !services().any(|there| there == service) {
            let there = services().collect::<Vec<_>>().join(", ");
            return Err(StartError::Scale { service: service.clone(), wanted: *wanted, there });
        }
    }
    match options.settings.keys().find(|name| OURS.contains(&name.as_str())) {
        Some(name) => Err(StartError::Setting(name.clone())),
        None => Ok(()),
    }
}

/// Every process in the order of the manifest, the sandbox last; ports and settings are still missing.
fn specs(
    manifest: &Manifest,
    programs: &Programs,
    run: &RunFolder,
    options: &Options,
) -> Result<Vec<Spec>, StartError> {
    let services = manifest.processes.iter().map(|process| (process.service.as_str(), process.instances));
    let mut specs = Vec::new();
    for (service, instances) in services.chain(manifest.payments.then_some((PAYMENTS, 1))) {
        let program = programs.of(service).ok_or_else(|| StartError::NoProgram(service.to_owned()))?;
        let instances = options.scale.get(service).copied().unwrap_or(instances);
        for instance in 1..=instances {
            let name = format!("{service}-{instance}");
            specs.push(Spec {
                log: run.logs().join(format!("{name}.log")),
                speaker: if instances == 1 { service.to_owned() } else { name },
                service: service.to_owned(),
                instance,
                program: program.to_owned(),
                port: 0,
                settings: BTreeMap::new(),
            });
        }
    }
    Ok(specs)
}

/// The processes that clients talk to get the first ports.
fn assign_ports(specs: &mut [Spec], manifest: &Manifest, ports: &mut Ports) -> Result<(), StartError> {
    let public = |spec: &Spec| {
        manifest.processes.iter().any(|process| process.service == spec.service && !process.routes.is_empty())
    };
    let (first, others): (Vec<_>, Vec<_>) = specs.iter_mut().partition(|spec| public(spec));
    for spec in first.into_iter().chain(others) {
        spec.port = ports.take().map_err(io_error("cannot find a port for", Path::new(&spec.service)))?;
    }
    Ok(())
}

/// The address of each service's first instance.
fn addresses(specs: &[Spec]) -> BTreeMap<String, String> {
    let first = specs.iter().filter(|spec| spec.instance == 1);
    first.map(|spec| (spec.service.clone(), spec.address())).collect()
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
    set("LISTEN", &format!("127.0.0.1:{}", spec.port));
    let Some(process) = process else {
        set("LEDGER", &data.join("payments.db"));
        return settings;
    };
    set("STAFF_EMAIL", &staff.email);
    set("STAFF_PASSWORD", &staff.password);
    if let Some(database) = &process.database {
        set("DATABASE", &data.join(database));
    }
    let sandbox = addresses.contains_key(PAYMENTS).then_some(PAYMENTS);
    for need in process.needs.iter().map(String::as_str).chain(sandbox) {
        set(&format!("{}_URL", need.to_uppercase().replace('-', "_")), &addresses[need]);
    }
    settings
}

fn status(
    specs: &[Spec],
    manifest: &Manifest,
    addresses: &BTreeMap<String, String>,
    staff: Staff,
    data: &Path,
    options: &Options,
) -> Status {
    let process_status = |spec: &Spec| ProcessStatus {
        service: spec.service.clone(),
        instance: spec.instance,
        pid: None,
        state: State::Dead,
        address: spec.address(),
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
        staff,
        payments: addresses.get(PAYMENTS).map(|url| Address { url: url.clone() }),
        nats: None,
        processes: specs.iter().map(process_status).collect(),
        databases,
        settings: options.settings.clone(),
    }
}
