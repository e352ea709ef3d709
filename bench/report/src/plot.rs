//! Plots as SVG.

use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

/// The files of plots with their titles.
pub(crate) type Plots = Vec<(String, String)>;

/// A client's values.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// The title and the labels of the axes.
pub(crate) struct Labels<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
}

const FONT: &str = "sans-serif";

/// Draws lines over two logarithmic axes. Returns whether there was anything to draw.
pub(crate) fn lines(file: &Path, labels: &Labels<'_>, lines: &[Line]) -> Result<bool> {
    let Some((x, y)) = ranges(lines) else { return Ok(false) };
    draw(file, (960, 480), |root| {
        let mut chart = ChartBuilder::on(root)
            .caption(labels.title, (FONT, 20))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(x.log_scale(), y.log_scale())?;
        chart.configure_mesh().x_desc(labels.x).y_desc(labels.y).light_line_style(TRANSPARENT).draw()?;
        for (index, line) in lines.iter().enumerate() {
            let colour = Palette99::pick(index).to_rgba();
            chart
                .draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)).point_size(3))?
                .label(&line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
        }
        legend(&mut chart, SeriesLabelPosition::UpperLeft)
    })
}

/// Draws a column of points for each name over a logarithmic axis. Returns whether there was anything to draw.
pub(crate) fn columns(file: &Path, labels: &Labels<'_>, names: &[String], lines: &[Line]) -> Result<bool> {
    let Some((_, y)) = ranges(lines) else { return Ok(false) };
    // A single value makes no axis, and ratios need the range around one.
    let y = y.start.min(0.9)..y.end.max(1.1);
    // The legend needs space on the right.
    let last = f64::from(u32::try_from(names.len())?) * 1.2;
    draw(file, (1280, 480), |root| {
        let mut chart = ChartBuilder::on(root)
            .caption(labels.title, (FONT, 20))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(-0.6..last, y.log_scale())?;
        let name = |place: &f64| {
            // The axis asks for labels between columns, too.
            let index = names
                .iter()
                .enumerate()
                .find(|(index, _)| u32::try_from(*index).is_ok_and(|index| (f64::from(index) - place).abs() < 0.01));
            index.map_or_else(String::new, |(_, name)| name.clone())
        };
        chart
            .configure_mesh()
            .x_labels(names.len() * 2)
            .x_label_formatter(&name)
            .y_desc(labels.y)
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (index, line) in lines.iter().enumerate() {
            let colour = Palette99::pick(index).to_rgba();
            chart
                .draw_series(line.points.iter().map(|point| Circle::new(*point, 4, colour.filled())))?
                .label(&line.name)
                .legend(move |(x, y)| Circle::new((x + 8, y), 4, colour.filled()));
        }
        legend(&mut chart, SeriesLabelPosition::UpperRight)
    })
}

type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

fn draw(
    file: &Path,
    size: (u32, u32),
    content: impl FnOnce(&DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Drawn,
) -> Result<bool> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, size).into_drawing_area();
        let drawn = root.fill(&WHITE).map_err(Into::into).and_then(|()| content(&root));
        drawn.and_then(|()| Ok(root.present()?)).map_err(|error| anyhow!("{}: {error}", file.display()))?;
    }
    fs::write(file, text)?;
    Ok(true)
}

fn legend<'a, C>(chart: &mut ChartContext<'a, SVGBackend<'a>, C>, place: SeriesLabelPosition) -> Drawn
where
    C: CoordTranslate,
{
    chart
        .configure_series_labels()
        .position(place)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font((FONT, 13))
        .draw()?;
    Ok(())
}

/// Returns the ranges of both axes, with a margin.
fn ranges(lines: &[Line]) -> Option<(Range<f64>, Range<f64>)> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = points().map(of);
        let (least, most) =
            values.fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        (most > 0.0 && least <= most).then_some((least * 0.8)..(most * 1.25))
    };
    Some((range(|point| point.0)?, range(|point| point.1)?))
}
