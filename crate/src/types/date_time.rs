//! Dates of the Gregorian calendar, in UTC and without leap seconds.

/// A point in time, as a date and a time of day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DateTime {
    pub(crate) year: i64,
    /// The month, from 1.
    pub(crate) month: i64,
    /// The day of the month, from 1.
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    /// The second. 60 is a leap second, which counts as the next second.
    pub(crate) second: i64,
}

/// The days of 400 years, after which the calendar repeats itself.
const DAYS_OF_400_YEARS: i64 = 146_097;

/// The days from 1 March of the year 0 to 1970.
const DAYS_TO_1970: i64 = 719_468;

impl DateTime {
    /// Returns the seconds since 1970. Returns `None` if a number is out of range. The range of the day is 1 to 31 in each
    /// month.
    pub(crate) fn seconds_since_1970(self) -> Option<i64> {
        let Self { year, month, day, hour, minute, second } = self;
        let is_valid = (0..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..=60).contains(&second);
        is_valid.then(|| ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
    }

    /// Returns the point in time at this number of seconds since 1970.
    #[cfg_attr(
        not(all(feature = "__tls", not(all(target_family = "wasm", target_os = "unknown")))),
        allow(dead_code, reason = "only the texts of TLS errors show a date")
    )]
    pub(crate) const fn from_seconds_since_1970(seconds: i64) -> Self {
        let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = date(days);
        Self { year, month, day, hour: time / 3600, minute: time / 60 % 60, second: time % 60 }
    }
}

/// Returns the days from 1 January 1970 to a date.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // A year that begins in March has the leap day as its last day.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // From March on, the months have 31, 30, 31, 30 and 31 days, over and over.
    let days_of_months = (153 * month + 2) / 5;
    year * 365 + leap_days + days_of_months + day - 1 - DAYS_TO_1970
}

/// Returns the year, the month and the day of the month, this number of days after 1 January 1970.
#[allow(dead_code, reason = "only the texts of TLS errors show a date")]
const fn date(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(DAYS_TO_1970);
    let (cycle, days) = (days.div_euclid(DAYS_OF_400_YEARS), days.rem_euclid(DAYS_OF_400_YEARS));
    // Without the leap days before it, a day belongs to a year of 365 days. The last day of the cycle is a leap day.
    let year = (days - days / 1460 + days / 36_524 - days / (DAYS_OF_400_YEARS - 1)) / 365;
    let day_of_year = days - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = cycle * 400 + year;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date_time(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> DateTime {
        DateTime { year, month, day, hour, minute, second }
    }

    #[crate::test]
    fn seconds_follow_the_gregorian_calendar() {
        for (date, seconds) in [
            (date_time(1970, 1, 1, 0, 0, 0), 0),
            (date_time(1970, 1, 2, 0, 0, 1), 86_401),
            (date_time(1969, 12, 31, 23, 59, 59), -1),
            (date_time(1950, 1, 1, 0, 0, 0), -631_152_000),
            (date_time(1900, 3, 1, 0, 0, 0), -2_203_891_200),
            (date_time(2000, 2, 28, 23, 59, 59), 951_782_399),
            (date_time(2000, 2, 29, 12, 0, 0), 951_825_600),
            (date_time(2000, 3, 1, 0, 0, 0), 951_868_800),
            (date_time(2026, 1, 2, 3, 4, 5), 1_767_323_045),
            (date_time(2038, 1, 19, 3, 14, 8), 1 << 31),
            (date_time(2100, 3, 1, 0, 0, 0), 4_107_542_400),
            (date_time(9999, 12, 31, 23, 59, 59), 253_402_300_799),
            (date_time(0, 3, 1, 0, 0, 0), -62_162_035_200),
        ] {
            assert_eq!(date.seconds_since_1970(), Some(seconds), "{date:?}");
            assert_eq!(DateTime::from_seconds_since_1970(seconds), date, "{seconds}");
        }
        // A leap second is the first second of the next minute.
        assert_eq!(date_time(2000, 2, 29, 23, 59, 60).seconds_since_1970(), Some(951_868_800));
    }

    #[crate::test]
    fn each_day_of_800_years_is_converted_and_back() {
        let first = date_time(1600, 1, 1, 0, 0, 0).seconds_since_1970().unwrap();
        let mut before = DateTime::from_seconds_since_1970(first - 86_400);
        for day in 0..2 * DAYS_OF_400_YEARS {
            let date = DateTime::from_seconds_since_1970(first + day * 86_400);
            assert_eq!(date.seconds_since_1970(), Some(first + day * 86_400), "{date:?}");
            let follows = match (date.day, date.month) {
                (1, 1) => (before.year + 1, 12, 31) == (date.year, before.month, before.day),
                (1, month) => (date.year, month - 1) == (before.year, before.month) && before.day >= 28,
                (number, month) => (date.year, month, number) == (before.year, before.month, before.day + 1),
            };
            assert!(follows, "{before:?}, then {date:?}");
            before = date;
        }
    }

    #[crate::test]
    fn numbers_out_of_range_are_no_date() {
        let date = date_time(2000, 6, 15, 12, 30, 30);
        for invalid in [
            DateTime { year: -1, ..date },
            DateTime { year: 10_000, ..date },
            DateTime { month: 0, ..date },
            DateTime { month: 13, ..date },
            DateTime { day: 0, ..date },
            DateTime { day: 32, ..date },
            DateTime { hour: 24, ..date },
            DateTime { minute: 60, ..date },
            DateTime { second: 61, ..date },
            DateTime { second: -1, ..date },
        ] {
            assert_eq!(invalid.seconds_since_1970(), None, "{invalid:?}");
        }
        // The extremes do not overflow.
        for seconds in [i64::MIN, i64::MAX] {
            assert_eq!(DateTime::from_seconds_since_1970(seconds).year.signum(), seconds.signum());
        }
    }
}
