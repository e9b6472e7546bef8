//! What to do about a load of which it is not known whether it arrived, by what the server says of
//! its label. Pure: the table of every case.

/// What `get_load_state` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Everybody sees its rows.
    Visible,
    /// Its rows will be seen, and nothing can stop that.
    Committed,
    /// It waits for somebody to commit it.
    Precommitted,
    /// Rows are still arriving, as far as the server knows.
    Prepare,
    /// Nothing of it is left, and its label is free.
    Aborted,
    /// There is no such label: it never arrived, or is forgotten.
    Unknown,
}

impl State {
    /// The state with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "VISIBLE" => State::Visible,
            "COMMITTED" => State::Committed,
            "PRECOMMITTED" => State::Precommitted,
            "PREPARE" => State::Prepare,
            "ABORTED" => State::Aborted,
            // StarRocks tells labels that it does not know so.
            "UNKNOWN" | "" => State::Unknown,
            _ => return None,
        })
    }
}

/// What is known of a load beside the state of its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubt {
    /// Whether it has been asked about for as long as it may take.
    pub waited: bool,
    /// Whether its rows can be told from others once they are in the table.
    pub has_evidence: bool,
    /// Whether the server still remembers a label that was used before this one. It forgets the
    /// oldest first, after so many hours or so many loads.
    pub is_remembered: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: it arrived.
    Done,
    /// Ask again.
    Wait,
    /// End it at the server, then ask again.
    Abort,
    /// Send it again under the same label.
    Send,
    /// Count its rows in the table: they are there, or it never arrived.
    Count,
    /// Tell a person: nothing proves that it arrived, nor that it did not.
    Stop,
}

/// What to do about a load whose label is in this state.
pub(super) fn step(state: State, doubt: Doubt) -> Step {
    match state {
        State::Visible => Step::Done,
        // It is as good as visible; only those who count have to wait.
        State::Committed if doubt.waited => Step::Done,
        State::Committed => Step::Wait,
        // We never prepare one for a later commit: it is of no use.
        State::Precommitted => Step::Abort,
        State::Prepare if doubt.waited => Step::Abort,
        State::Prepare => Step::Wait,
        State::Aborted => Step::Send,
        State::Unknown if doubt.has_evidence => Step::Count,
        State::Unknown if doubt.is_remembered => Step::Send,
        State::Unknown => Step::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YOUNG: Doubt = Doubt { waited: false, has_evidence: false, is_remembered: true };
    const OLD: Doubt = Doubt { is_remembered: false, ..YOUNG };
    const WAITED: Doubt = Doubt { waited: true, ..YOUNG };
    const COUNTABLE: Doubt = Doubt { has_evidence: true, ..YOUNG };

    #[test]
    fn what_is_visible_or_committed_is_never_sent_again() {
        for doubt in [YOUNG, OLD, WAITED, COUNTABLE] {
            assert_eq!(step(State::Visible, doubt), Step::Done);
        }
        assert_eq!(step(State::Committed, YOUNG), Step::Wait);
        assert_eq!(step(State::Committed, WAITED), Step::Done);
    }

    #[test]
    fn what_is_prepared_is_ended_and_what_is_running_is_waited_for_first() {
        assert_eq!(step(State::Precommitted, YOUNG), Step::Abort);
        assert_eq!(step(State::Prepare, YOUNG), Step::Wait);
        assert_eq!(step(State::Prepare, OLD), Step::Wait);
        assert_eq!(step(State::Prepare, WAITED), Step::Abort);
    }

    #[test]
    fn what_was_aborted_is_sent_again_under_its_label() {
        for doubt in [YOUNG, OLD, WAITED, COUNTABLE] {
            assert_eq!(step(State::Aborted, doubt), Step::Send);
        }
    }

    #[test]
    fn an_unknown_label_is_a_load_that_never_arrived_only_if_it_would_be_remembered() {
        assert_eq!(step(State::Unknown, YOUNG), Step::Send);
        assert_eq!(step(State::Unknown, OLD), Step::Stop);
    }

    #[test]
    fn rows_that_can_be_told_apart_are_counted_however_old_they_are() {
        assert_eq!(step(State::Unknown, COUNTABLE), Step::Count);
        assert_eq!(step(State::Unknown, Doubt { has_evidence: true, ..OLD }), Step::Count);
    }

    #[test]
    fn states_are_known_by_name_and_no_other_word_is_taken_for_one() {
        assert_eq!(State::named("PRECOMMITTED"), Some(State::Precommitted));
        assert_eq!(State::named("visible"), None);
    }
}
