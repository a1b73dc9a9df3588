//! A scenario's result: figure, floor, ratio, bar, pass or miss.

use std::fmt;

/// What a figure must keep to.
#[derive(Debug, Clone, Copy)]
pub enum Bar {
    /// Not above this.
    AtMost(f64),
    /// Not below this.
    AtLeast(f64),
    /// Below this.
    Below(f64),
    /// At most so many times the floor.
    TimesFloor(f64),
    /// Below the floor.
    BelowFloor,
}

/// One measured thing.
#[derive(Debug, Clone)]
pub struct Row {
    name: String,
    figure: f64,
    note: String,
    floor: Option<f64>,
    bar: Option<Bar>,
}

impl Row {
    /// A thing and its figure, in the table's unit or in the one that the name says.
    #[must_use]
    pub fn new(name: impl Into<String>, figure: f64) -> Self {
        Self {
            name: name.into(),
            figure,
            note: String::new(),
            floor: None,
            bar: None,
        }
    }

    /// Sets it beside the floor of the same run.
    #[must_use]
    pub const fn floor(mut self, floor: Option<f64>) -> Self {
        self.floor = floor;
        self
    }

    /// What it must keep to.
    #[must_use]
    pub const fn bar(mut self, bar: Option<Bar>) -> Self {
        self.bar = bar;
        self
    }

    /// What else there is to say.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    fn passes(&self) -> Option<bool> {
        let floor = self.floor.unwrap_or(f64::NAN);
        Some(match self.bar? {
            Bar::AtMost(most) => self.figure <= most,
            Bar::AtLeast(least) => self.figure >= least,
            Bar::Below(bound) => self.figure < bound,
            Bar::TimesFloor(times) => self.figure <= times * floor,
            Bar::BelowFloor => self.figure < floor,
        })
    }

    fn cells(&self) -> [String; 7] {
        // There is no ratio to nothing.
        let floor = self.floor.filter(|floor| *floor > 0.0);
        let ratio = floor.map(|floor| self.figure / floor);
        let bar = match self.bar {
            None => String::new(),
            Some(Bar::AtMost(most)) => format!("<= {}", short(most)),
            Some(Bar::AtLeast(least)) => format!(">= {}", short(least)),
            Some(Bar::Below(bound)) => format!("< {}", short(bound)),
            Some(Bar::TimesFloor(times)) => format!("<= {} x floor", short(times)),
            Some(Bar::BelowFloor) => "< floor".to_owned(),
        };
        let verdict = match self.passes() {
            None => "",
            Some(true) => "pass",
            Some(false) => "MISS",
        };
        [
            self.name.clone(),
            short(self.figure),
            self.floor.map(short).unwrap_or_default(),
            ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            bar,
            verdict.to_owned(),
            self.note.clone(),
        ]
    }
}

/// Digits that mean something, and no more.
fn short(figure: f64) -> String {
    match figure.abs() {
        size if size >= 100.0 || figure.fract() == 0.0 => format!("{figure:.0}"),
        size if size >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

/// A scenario's rows.
#[derive(Debug)]
pub struct Table {
    title: String,
    rows: Vec<Row>,
}

impl Table {
    /// An empty table; the title says the unit.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// How many bars were kept to, and how many there are.
    #[must_use]
    pub fn verdict(&self) -> (usize, usize) {
        let verdicts = || self.rows.iter().filter_map(Row::passes);
        (
            verdicts().filter(|passes| *passes).count(),
            verdicts().count(),
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["", "figure", "floor", "ratio", "bar", "", ""].map(str::to_owned);
        let mut lines = vec![head];
        lines.extend(self.rows.iter().map(Row::cells));
        let mut widths = [0; 7];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = cell.chars().count().max(*width);
            }
        }
        writeln!(f, "\n{}", self.title)?;
        for line in &lines {
            let mut text = String::from(" ");
            for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
                text += &match column {
                    1..=3 => format!(" {cell:>width$} "),
                    _ => format!(" {cell:<width$} "),
                };
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_passed_or_missed() {
        let row = |bar| Row::new("x", 10.0).floor(Some(5.0)).bar(Some(bar));
        let cases = [
            ("at most", Bar::AtMost(10.0), true),
            ("at most, above", Bar::AtMost(9.0), false),
            ("at least", Bar::AtLeast(10.0), true),
            ("at least, below", Bar::AtLeast(11.0), false),
            ("below", Bar::Below(10.0), false),
            ("times the floor", Bar::TimesFloor(2.0), true),
            ("times the floor, above", Bar::TimesFloor(1.9), false),
            ("below the floor", Bar::BelowFloor, false),
        ];
        for (name, bar, expected) in cases {
            assert_eq!(row(bar).passes(), Some(expected), "{name}");
        }
        assert_eq!(Row::new("x", 1.0).passes(), None);
        let unknown = Row::new("x", 1.0).bar(Some(Bar::TimesFloor(2.0)));
        assert_eq!(unknown.passes(), Some(false), "no floor, no pass");
    }

    #[test]
    fn a_table_counts_its_bars_and_prints_every_row() {
        let mut table = Table::new("CPU");
        table.push(
            Row::new("1 KB", 4.25)
                .floor(Some(2.0))
                .bar(Some(Bar::TimesFloor(2.0))),
        );
        table.push(Row::new("10 KB", 123.4).note("lost 3"));
        assert_eq!(table.verdict(), (0, 1));
        let text = table.to_string();
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                "",
                "CPU",
                "         figure  floor  ratio  bar",
                "  1 KB     4.25      2   2.12  <= 2 x floor  MISS",
                "  10 KB     123                                    lost 3",
            ]
        );
    }
}
