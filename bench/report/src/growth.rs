//! The results of how cost grows.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::figures::figure;
use crate::native::Machine;
use crate::page;
use crate::plot::{self, Labels, Line, Plots};

/// A run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Growth {
    /// The time at which the run began.
    pub date: String,
    /// The machine.
    pub machine: Machine,
    /// Whether amounts were left out.
    pub quick: bool,
    /// The results.
    pub curves: Vec<Curve>,
}

/// A client's cost as one quantity grows.
#[derive(Debug, Serialize, Deserialize)]
pub struct Curve {
    /// The quantity: `size`, `messages`, `connections` or `queued`.
    pub what: String,
    /// The client's name.
    pub client: String,
    /// The points in the order of their amounts.
    pub points: Vec<Point>,
}

/// The cost of one amount.
#[derive(Debug, Serialize, Deserialize)]
pub struct Point {
    /// The bytes of a message, the number of messages or connections, or the queued bytes.
    pub amount: u32,
    /// Microseconds of CPU time for each message.
    pub cpu: f64,
    /// Microseconds for each message.
    pub wall: f64,
    /// The peak memory of the process, in KiB.
    pub peak: f64,
}

/// A quantity and one cost of it, shown in a table and a plot.
pub(crate) struct Aspect {
    pub(crate) what: &'static str,
    /// The title of the table and the plot.
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    /// The file name of the plot.
    pub(crate) file: &'static str,
    from: From,
    /// Returns the cost of a point, given the curve's first point.
    of: fn(&Point, &Point) -> f64,
}

/// The point from which the exponent is fitted. Below it, fixed cost dominates.
enum From {
    /// From this amount.
    Amount(u32),
    /// From the first amount that costs twice as much as the first point.
    Twice,
    /// From the first amount that costs this much.
    Cost(f64),
}

/// The minimum number of points for a fit.
const MIN_POINTS: usize = 3;

impl Aspect {
    /// Returns pairs of amount and cost.
    fn costs(&self, curve: &Curve) -> Vec<(f64, f64)> {
        let Some(first) = curve.points.first() else { return Vec::new() };
        curve.points.iter().map(|point| (f64::from(point.amount), (self.of)(point, first))).collect()
    }

    /// Returns the points of a curve whose logarithms exist.
    pub(crate) fn points(&self, curve: &Curve) -> Vec<(f64, f64)> {
        let mut points = self.costs(curve);
        points.retain(|(amount, cost)| *amount > 0.0 && *cost > 0.0);
        points
    }

    /// Returns the exponent by which the cost grows, and the number of fitted points; `None` if there are too few.
    fn exponent(&self, curve: &Curve) -> Option<(f64, usize)> {
        let first = self.costs(curve).first()?.1;
        let is_below = |(amount, cost): &(f64, f64)| match self.from {
            From::Amount(least) => *amount < f64::from(least),
            From::Twice => *cost < 2.0 * first,
            From::Cost(least) => *cost < least,
        };
        let points: Vec<(f64, f64)> = self.points(curve).into_iter().skip_while(is_below).collect();
        if points.len() < MIN_POINTS { None } else { Some((slope(&points)?, points.len())) }
    }
}

/// Less memory than this, in KiB, is noise. Arbitrary.
const MIN_MEMORY: From = From::Cost(1024.0);

/// The tables and plots.
pub(crate) const ASPECTS: [Aspect; 7] = [
    Aspect {
        what: "size",
        title: "CPU time of an echo by message size",
        unit: "microseconds",
        file: "size-time",
        from: From::Twice,
        of: |point, _| point.cpu,
    },
    Aspect {
        what: "size",
        title: "peak memory by message size",
        unit: "KiB",
        file: "size-memory",
        from: MIN_MEMORY,
        of: |point, first| point.peak - first.peak,
    },
    Aspect {
        what: "messages",
        title: "peak memory by echoed messages of 64 bytes",
        unit: "KiB",
        file: "messages-memory",
        from: MIN_MEMORY,
        of: |point, first| point.peak - first.peak,
    },
    Aspect {
        what: "connections",
        title: "CPU time of an echo by number of connections",
        unit: "microseconds",
        file: "connections-time",
        from: From::Amount(100),
        of: |point, _| point.cpu,
    },
    Aspect {
        what: "connections",
        title: "peak memory by number of connections",
        unit: "KiB",
        file: "connections-memory",
        from: MIN_MEMORY,
        of: |point, first| point.peak - first.peak,
    },
    Aspect {
        what: "queued",
        title: "CPU time of queueing by queued bytes",
        unit: "microseconds",
        file: "queued-time",
        from: From::Cost(1000.0),
        // The time for a queue is that of all its messages of 64 KiB.
        of: |point, _| point.cpu * f64::from(point.amount) / 65_536.0,
    },
    Aspect {
        what: "queued",
        title: "peak memory by queued bytes",
        unit: "KiB",
        file: "queued-memory",
        from: MIN_MEMORY,
        of: |point, first| point.peak - first.peak,
    },
];

/// Returns the slope of the line through the logarithms, by least squares.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    if points.len() < 2 {
        return None;
    }
    let logarithms: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = f64::from(u32::try_from(points.len()).ok()?);
    let mean = |of: fn(&(f64, f64)) -> f64| logarithms.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let (rise, run) = logarithms
        .iter()
        .fold((0.0, 0.0), |(rise, run), point| (rise + (point.0 - x) * (point.1 - y), run + (point.0 - x).powi(2)));
    Some(rise / run)
}

pub(crate) fn tables(growth: &Growth) -> String {
    let Machine { processor, cores, kernel, rustc, load } = &growth.machine;
    let quick = if growth.quick { ", a quick run" } else { "" };
    let mut text = format!(
        "{}{quick}, on {processor} ({cores} cores, {kernel}, {rustc}; load {load} at the start).\n",
        growth.date
    );
    for aspect in &ASPECTS {
        let curves: Vec<&Curve> = growth.curves.iter().filter(|curve| curve.what == aspect.what).collect();
        let Some(first) = curves.first() else { continue };
        let head: Vec<String> =
            std::iter::once(aspect.what.to_owned()).chain(curves.iter().map(|curve| curve.client.clone())).collect();
        let mut rows: Vec<Vec<String>> = Vec::new();
        for (place, point) in first.points.iter().enumerate() {
            let cell =
                |curve: &&Curve| aspect.costs(curve).get(place).map_or_else(String::new, |(_, cost)| figure(*cost));
            rows.push(std::iter::once(point.amount.to_string()).chain(curves.iter().map(cell)).collect());
        }
        let exponent = |curve: &&Curve| {
            aspect
                .exponent(curve)
                .map_or_else(|| "none".to_owned(), |(exponent, points)| format!("**{exponent:.2}** ({points} points)"))
        };
        let title = match aspect.from {
            From::Amount(amount) => format!("exponent from {amount}"),
            From::Twice => "exponent from twice the first cost".to_owned(),
            From::Cost(cost) => format!("exponent from {cost} {}", aspect.unit),
        };
        rows.push(std::iter::once(title).chain(curves.iter().map(exponent)).collect());
        // Writing to a string cannot fail.
        let _ = write!(text, "\n### {}, {}\n\n{}", aspect.title, aspect.unit, page::table(&head, rows));
    }
    text
}

pub(crate) fn plots(growth: &Growth, folder: &Path) -> Result<Plots> {
    let mut plots = Plots::new();
    for aspect in &ASPECTS {
        let curves = growth.curves.iter().filter(|curve| curve.what == aspect.what);
        let lines: Vec<Line> =
            curves.map(|curve| Line { name: curve.client.clone(), points: aspect.points(curve) }).collect();
        let file = format!("growth-{}.svg", aspect.file);
        let labels = Labels { title: aspect.title, x: aspect.what, y: aspect.unit };
        if plot::lines(&folder.join(&file), &labels, &lines)? {
            plots.push((file, aspect.title.to_owned()));
        }
    }
    Ok(plots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponent_needs_three_points_above_fixed_cost() {
        let point = |amount: u32, cpu| Point { amount, cpu, wall: cpu, peak: 0.0 };
        let curve = |points| Curve { what: "size".to_owned(), client: "one".to_owned(), points };
        let growing =
            curve(vec![point(0, 30.0), point(64, 31.0), point(1000, 100.0), point(2000, 200.0), point(4000, 400.0)]);
        let (exponent, points) = ASPECTS[0].exponent(&growing).unwrap();
        assert!((exponent - 1.0).abs() < 1e-9 && points == 3);
        assert!(ASPECTS[0].exponent(&curve(vec![point(0, 30.0), point(64, 31.0), point(128, 32.0)])).is_none());
    }

    #[test]
    fn slope_of_logarithms_is_the_exponent() {
        let squares = [(1.0, 3.0), (2.0, 12.0), (4.0, 48.0)];
        assert!((slope(&squares).unwrap() - 2.0).abs() < 1e-9);
        assert_eq!(slope(&squares[..1]), None);
    }
}
