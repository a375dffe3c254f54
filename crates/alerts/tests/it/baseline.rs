use alerts::{Baseline, Condition, Past, Verdict};

fn falls(percent: f64) -> Condition {
    let baseline = Baseline { days: 7, rises_percent: None, falls_percent: Some(percent) };
    Condition { baseline: Some(baseline), ..Condition::default() }
}

fn rises(percent: f64) -> Condition {
    let baseline = Baseline { days: 7, rises_percent: Some(percent), falls_percent: None };
    Condition { baseline: Some(baseline), ..Condition::default() }
}

#[test]
fn a_value_far_below_the_same_time_of_earlier_days_deviates() {
    let past = Past::new([60.0, 61.0, 59.0, 62.0, 60.0, 58.0, 60.0]);
    assert_eq!(past.median(), Some(60.0));
    assert_eq!(falls(30.0).judge(41.0, &past, false), Verdict::Holds);
    assert_eq!(falls(30.0).judge(43.0, &past, false), Verdict::Fails);
    assert_eq!(falls(30.0).judge(90.0, &past, false), Verdict::Fails, "it rose");
    assert_eq!(rises(30.0).judge(90.0, &past, false), Verdict::Holds);
}

#[test]
fn two_days_are_no_habit_and_no_day_is_no_zero() {
    for past in [Past::default(), Past::new([60.0, 61.0]), Past::new([60.0, 61.0, f64::NAN])] {
        assert_eq!(falls(30.0).judge(1.0, &past, false), Verdict::Unknown);
    }
    assert_eq!(rises(30.0).judge(9.0, &Past::new([0.0, 0.0, 0.0]), false), Verdict::Unknown);
}

#[test]
fn a_figure_that_jumps_every_day_does_not_deviate_by_jumping() {
    let past = Past::new([20.0, 90.0, 45.0, 80.0, 60.0, 30.0, 75.0]);
    assert_eq!(falls(30.0).judge(20.0, &past, false), Verdict::Fails);
    let steady = Past::new([60.0, 60.0, 60.0, 20.0, 60.0]);
    assert_eq!(falls(30.0).judge(20.0, &steady, false), Verdict::Holds, "one bad day changes no median");
}

#[test]
fn bound_and_baseline_must_both_hold() {
    let condition = Condition { below: Some(50.0), ..falls(30.0) };
    let past = Past::new([90.0, 90.0, 90.0]);
    assert_eq!(condition.judge(55.0, &past, false), Verdict::Fails);
    assert_eq!(condition.judge(45.0, &past, false), Verdict::Holds);
    assert_eq!(condition.judge(45.0, &Past::default(), false), Verdict::Unknown);
    assert_eq!(condition.words(), "below 50 and 30 % below the same time on the last 7 days");
}
