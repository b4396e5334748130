//! Days, months and years of UTC, as values to count by.

use super::DatePart;

/// Milliseconds in a day of UTC, which knows no leap seconds.
const DAY_MS: i64 = 86_400_000;

/// The day of a time, or its month or year, as ISO 8601 writes them.
pub(super) fn date(time_ms: i64, by: DatePart) -> String {
    let (year, month, day) = civil(time_ms.div_euclid(DAY_MS));
    match by {
        DatePart::Year => format!("{year:04}"),
        DatePart::Month => format!("{year:04}-{month:02}"),
        DatePart::Day => format!("{year:04}-{month:02}-{day:02}"),
    }
}

/// Year, month and day of a day counted from 1970, in the Gregorian calendar. Years are taken to
/// begin in March, so that a leap day is the last of its year, and come in cycles of 400.
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.)
fn civil(days: i64) -> (i64, i64, i64) {
    /// Days in 400 years.
    const CYCLE: i64 = 146_097;
    /// From the first of March of the year 0 to 1970.
    const TO_1970: i64 = 719_468;
    let days = days + TO_1970;
    let (cycle, day_of_cycle) = (days.div_euclid(CYCLE), days.rem_euclid(CYCLE));
    let year = (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524
        - day_of_cycle / (CYCLE - 1))
        / 365;
    let day_of_year = day_of_cycle - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (cycle * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_one_another_as_in_the_calendar() {
        let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let (mut year, mut month, mut day) = (1600, 1, 1);
        // 1600-01-01 is so many days before 1970: 370 years, 90 of them leap years.
        let first = -(370 * 365 + 90);
        for days in first..first + 600 * 366 {
            assert_eq!(civil(days), (year, month, day));
            let month_days = match month {
                2 => 28 + i64::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > month_days {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn dates_are_written_as_javascript_reads_them() {
        assert_eq!(date(0, DatePart::Day), "1970-01-01");
        assert_eq!(date(-1, DatePart::Day), "1969-12-31");
        assert_eq!(date(1_795_219_200_000, DatePart::Month), "2026-11");
        assert_eq!(date(8_640_000_000_000_000, DatePart::Day), "275760-09-13");
    }
}
