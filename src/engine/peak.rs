//! How much memory the process has had at most.

/// The largest resident size of the process so far, in bytes; 0 where `/proc` does not tell.
///
/// `VmHWM` of `/proc/self/status`, see proc_pid_status(5).
pub(super) fn resident_bytes() -> u64 {
    std::fs::read_to_string("/proc/self/status").map(|text| peak(&text)).unwrap_or(0)
}

fn peak(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    kibibytes.and_then(|number| number.parse::<u64>().ok()).map_or(0, |number| number * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status_of_the_process() {
        assert_eq!(peak("Name:\tdhow\nVmHWM:\t    1234 kB\nVmRSS:\t 1 kB\n"), 1234 * 1024);
        assert_eq!(peak("Name:\tdhow\n"), 0);
        assert!(resident_bytes() > 1 << 20);
    }
}
