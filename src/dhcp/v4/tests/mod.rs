//! Tests of the DHCPv4 client, by subject. Time is injected everywhere; nothing sleeps.
//!
//! The rules of time, and who holds them:
//!
//! | rule | test |
//! |---|---|
//! | first DISCOVERs within a second, then 1, 2, 4 s | `acquire::discovers_leave_at_their_times` |
//! | gaps of 4, 8 … 64 s, ± half of them | `acquire::later_gaps_double_to_64_s_with_jitter` |
//! | a kick starts the back-off anew, same transaction | `acquire::a_kick_starts_the_back_off_anew_in_the_same_transaction` |
//! | 6 frames in a second, 10 in five, whatever joins | `limit`, `properties::kicks_and_refusals_at_any_distance` |
//! | `secs` counts, the broadcast flag from 4 s on | `acquire::one_transaction_and_what_changes_in_it` |
//! | REQUEST after 1, 2, 4 s; four of them; passed over 15 s | `acquire::a_silent_server_is_passed_over_for_15_s` |
//! | an offer without lease time waits a second | `acquire::an_offer_without_lease_time_waits_for_a_better_one` |
//! | T1, T2, expiry; retries at half of what is left, ≥ 60 s | `keep::a_lease_that_nobody_renews` |
//! | T1 and T2 that do not hold are the defaults | `keep::times_of_a_lease` |
//! | never more than one renewal a second | `keep::never_more_than_one_renewal_a_second` |
//! | leases under 10 s are refused | `keep::leases_too_short_to_renew_are_refused` |
//! | a lease counts from its REQUEST | `keep::a_renewed_lease_counts_from_its_request` |
//! | NAK: the address goes at once; a row of them slows down | `lose::a_nak_while_renewing_takes_the_address_at_once`, `lose::naks_in_a_row_slow_down` |
//! | a conflict declines and pauses for 10 s | `lose::a_conflict_declines_and_pauses_for_10_s` |
//! | three probes from the OFFER on, heard until 2 s after the ACK | `probe` |
//! | INIT-REBOOT | `reboot` |
//! | sleep, days without a server, a year | `year`, `keep::after_a_long_sleep_the_clock_decides` |

mod accept;
mod acquire;
mod crowd;
mod frame;
mod hostile;
mod keep;
mod limit;
mod lose;
mod message;
mod probe;
mod properties;
mod reboot;
mod routes;
mod text;
mod util;
mod year;
