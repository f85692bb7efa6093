//! Plots, as SVG. What is not measured is dashed, its marks hollow.

use plotters::chart::SeriesLabelPosition;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::{
    ChartBuilder, Circle, DashedLineSeries, IntoDrawingArea, IntoLogRange, LineSeries, PathElement,
    RGBColor, SVGBackend, BLACK, WHITE,
};
use plotters::style::{Color, ShapeStyle};

use crate::configuration::{Method, Work};
use crate::figures as is;
use crate::model::{Results, Value, Way};
use crate::scaling::Simulated;
use crate::Error;

const SIZE: (u32, u32) = (900, 540);
/// Colours that are told apart by people who do not see all of them (Okabe and Ito), and more.
const COLOURS: [RGBColor; 12] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
    RGBColor(150, 75, 0),
    RGBColor(120, 94, 240),
    RGBColor(0, 80, 60),
    RGBColor(220, 38, 127),
    RGBColor(140, 140, 20),
];

/// A plot: a name for its file, a title, and the SVG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plot {
    /// Of the file, without its end.
    pub name: &'static str,
    /// For people.
    pub title: String,
    /// The picture.
    pub svg: String,
}

struct Curve {
    name: String,
    /// x, y, and whether it was not measured.
    points: Vec<(f64, f64, bool)>,
}

/// All plots of results.
///
/// # Errors
/// [`Error::Plot`].
pub fn all(results: &Results) -> Result<Vec<Plot>, Error> {
    Ok(vec![
        seconds(results)?,
        of_polls(
            results,
            "gas",
            "Gas of all verifications",
            "gas",
            |way, n| way.gas(n),
        )?,
        of_polls(results, "memory", "Peak of memory", "bytes", |way, n| {
            way.memory(n)
        })?,
        of_polls(results, "bytes", "Bytes published", "bytes", |way, n| {
            way.bytes(n)
        })?,
        of_polls(
            results,
            "dollars",
            "US dollars a thousand votes",
            "USD",
            |way, n| way.dollars(n, &results.prices),
        )?,
        by_size(
            results,
            "by-events-per-step",
            "Seconds a message, preparing and folding, by events a step",
            "K",
            |method| matches!(method, Method::Folding | Method::NovaIvc),
        )?,
        by_size(
            results,
            "by-batch",
            "Seconds a message, preparing and proving, by messages a batch",
            "B",
            |method| method == Method::Groth16Batches,
        )?,
    ])
}

/// The plot of total seconds.
///
/// # Errors
/// [`Error::Plot`].
pub fn seconds(results: &Results) -> Result<Plot, Error> {
    of_polls(
        results,
        "seconds",
        "Seconds to prove a poll",
        "seconds",
        |way, n| Some(way.seconds(n)),
    )
}

/// The plot of a million messages by several workers.
///
/// # Errors
/// [`Error::Plot`].
pub fn scaling(simulated: &[Simulated]) -> Result<Plot, Error> {
    let mut curves: Vec<Curve> = Vec::new();
    for one in simulated {
        let name = format!("K = {}", one.events_per_step);
        let point = (f64::from(one.workers), one.seconds / 3_600.0, true);
        add(&mut curves, name, point);
    }
    plot(
        "scaling",
        "Hours to prove a million messages, by workers (simulated from measured times)",
        ("workers", "hours"),
        &curves,
        SeriesLabelPosition::UpperRight,
    )
}

fn of_polls(
    results: &Results,
    name: &'static str,
    title: &str,
    unit: &str,
    of: impl Fn(&Way, u64) -> Option<Value>,
) -> Result<Plot, Error> {
    let curve = |way: &Way| {
        let points = results.plan.messages.iter().filter_map(|n| {
            let Value {
                value,
                extrapolated,
            } = of(way, *n)?;
            Some((*n as f64, value, extrapolated))
        });
        Curve {
            name: way.name(),
            points: points.collect(),
        }
    };
    let mut curves: Vec<Curve> = few(results, &of).iter().map(curve).collect();
    curves.retain(|curve| !curve.points.is_empty());
    let title = format!("{title} (dashed, hollow: not measured)");
    plot(
        name,
        &title,
        ("messages", unit),
        &curves,
        SeriesLabelPosition::UpperLeft,
    )
}

/// Of each method the smallest size, and the one that is cheapest at the most messages: more curves cannot be read.
fn few(results: &Results, of: &impl Fn(&Way, u64) -> Option<Value>) -> Vec<Way> {
    let most = results.plan.messages.iter().max().copied().unwrap_or(1);
    let cost = |way: &Way| of(way, most).map_or(f64::INFINITY, |value| value.value);
    let mut kept: Vec<Way> = Vec::new();
    let ways = results.main_ways();
    for way in &ways {
        let same: Vec<&Way> = ways.iter().filter(|one| one.method == way.method).collect();
        let smallest = same.iter().all(|one| way.size <= one.size);
        let cheapest = same.iter().min_by(|a, b| cost(a).total_cmp(&cost(b)));
        if smallest || cheapest.is_some_and(|one| one.size == way.size) {
            kept.push(way.clone());
        }
    }
    kept
}

fn by_size(
    results: &Results,
    name: &'static str,
    title: &str,
    size: &str,
    wanted: impl Fn(Method) -> bool,
) -> Result<Plot, Error> {
    let mut curves: Vec<Curve> = Vec::new();
    for measured in &results.measurements {
        let configuration = &measured.configuration;
        let by_itself = matches!(
            configuration.work,
            Work::Folding { .. } | Work::Library { .. } | Work::Batch { .. }
        );
        let parts = [is::PREPARING_MESSAGE, is::PROVING_MESSAGE];
        let [Some(preparing), Some(proving)] = parts.map(|part| measured.sample(part)) else {
            continue;
        };
        if !by_itself || !wanted(configuration.method()) {
            continue;
        }
        let (method, threads) = (configuration.method(), configuration.threads);
        let name = format!("{}, threads: {threads}", method.name());
        let seconds = preparing.median + proving.median;
        let point = (configuration.size() as f64, seconds, false);
        add(&mut curves, name, point);
    }
    plot(
        name,
        title,
        (size, "seconds a message"),
        &curves,
        SeriesLabelPosition::UpperRight,
    )
}

/// Adds a point to the curve of this name, which may be a new one.
fn add(curves: &mut Vec<Curve>, name: String, point: (f64, f64, bool)) {
    match curves.iter_mut().find(|curve| curve.name == name) {
        Some(curve) => curve.points.push(point),
        None => curves.push(Curve {
            name,
            points: vec![point],
        }),
    }
}

/// From a power of ten to a power of ten.
fn decades(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|value| *value > 0.0) {
        (low, high) = (low.min(value), high.max(value));
    }
    if low > high {
        return 1.0..10.0;
    }
    let (low, high) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    10_f64.powi(low)..10_f64.powi(high.max(low + 1))
}

fn plot(
    name: &'static str,
    title: &str,
    axes: (&str, &str),
    curves: &[Curve],
    legend: SeriesLabelPosition,
) -> Result<Plot, Error> {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let x = decades(points().map(|point| point.0)).log_scale();
    let y = decades(points().map(|point| point.1)).log_scale();
    let mut svg = String::new();
    draw(&mut svg, title, axes, (x, y), curves, legend).map_err(Error::Plot)?;
    Ok(Plot {
        name,
        title: title.into(),
        svg,
    })
}

fn draw<X, Y>(
    svg: &mut String,
    title: &str,
    axes: (&str, &str),
    (x, y): (X, Y),
    curves: &[Curve],
    legend: SeriesLabelPosition,
) -> Result<(), String>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(|error| said(&error))?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d(x, y)
        .map_err(|error| said(&error))?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(axes.0)
        .y_desc(axes.1)
        .x_label_formatter(&|value| short(*value))
        .y_label_formatter(&|value| short(*value))
        .draw()
        .map_err(|error| said(&error))?;
    for (i, curve) in curves.iter().enumerate() {
        let colour = COLOURS[i % COLOURS.len()];
        let style: ShapeStyle = colour.stroke_width(2);
        for pair in curve.points.windows(2) {
            let line = [(pair[0].0, pair[0].1), (pair[1].0, pair[1].1)];
            let drawn = match pair[0].2 || pair[1].2 {
                true => chart
                    .draw_series(DashedLineSeries::new(line, 11, 7, style))
                    .map(drop),
                false => chart.draw_series(LineSeries::new(line, style)).map(drop),
            };
            drawn.map_err(|error| said(&error))?;
        }
        let marks = curve.points.iter().map(|(x, y, extrapolated)| {
            let style: ShapeStyle = match extrapolated {
                true => colour.stroke_width(1),
                false => colour.filled(),
            };
            Circle::new((*x, *y), 4, style)
        });
        chart
            .draw_series(marks)
            .map_err(|error| said(&error))?
            .label(curve.name.clone())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(legend)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()
        .map_err(|error| said(&error))?;
    area.present().map_err(|error| said(&error))
}

/// A number for an axis.
fn short(value: f64) -> String {
    let (scaled, letter) = match value {
        value if value >= 1e9 => (value / 1e9, "G"),
        value if value >= 1e6 => (value / 1e6, "M"),
        value if value >= 1e3 => (value / 1e3, "k"),
        value => (value, ""),
    };
    // Four digits at most, and no zeros at the end.
    let text = format!("{scaled:.4}");
    format!(
        "{}{letter}",
        text.trim_end_matches('0').trim_end_matches('.')
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_on_axes() {
        for (value, text) in [(0.01, "0.01"), (2.0, "2"), (1_000.0, "1k"), (3.5e9, "3.5G")] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn an_axis_holds_every_value() {
        assert_eq!(decades([0.02, 30.0].into_iter()), 0.01..100.0);
        assert_eq!(decades([10.0].into_iter()), 10.0..100.0);
        assert_eq!(decades([].into_iter()), 1.0..10.0);
    }
}
