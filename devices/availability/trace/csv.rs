//! Rows of a trace, one at a time.

use std::io::Read;

use ::csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Trim};
use fleetune_units::Seconds;

use super::{
    Row, State,
    error::{Place, TraceError},
};
use crate::moment::Moment;

const COLUMNS: &str = "device, start, end and, if wanted, state";
/// The longest trace: 100 years, whose nanoseconds still fit a moment.
const LONGEST: f64 = 3.2e9; // [s]

/// Reads and checks rows in order. Memory is one row and the last row of each state.
pub(super) struct Rows<R> {
    reader: Reader<R>,
    record: StringRecord,
    file: String,
    columns: Columns,
    /// Rows of devices from this one on are not wanted.
    keep: u32,
    device: u32,
    /// Where the present device's last interval of each state ended.
    ends: [Moment; 3],
}

/// Where the columns are.
#[derive(Clone, Copy)]
struct Columns {
    device: usize,
    start: usize,
    end: usize,
    state: Option<usize>,
}

impl<R: Read> Rows<R> {
    pub(super) fn new(source: R, file: &str, keep: u32) -> Result<Self, TraceError> {
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(source);
        let header = reader.headers().map_err(|error| explain(error, file))?;
        let columns = Columns::of(header).ok_or_else(|| TraceError::Header {
            file: file.to_owned(),
            expected: COLUMNS,
            found: header.iter().collect::<Vec<_>>().join(", "),
        })?;
        Ok(Self {
            reader,
            record: StringRecord::new(),
            file: file.to_owned(),
            columns,
            keep,
            device: 0,
            ends: [Moment(0); 3],
        })
    }

    /// The row that was read last, checked; `None` if it is not wanted any more.
    fn row(&mut self) -> Result<Option<Row>, TraceError> {
        let Columns { device, start, end, state } = self.columns;
        let device = self.device(device)?;
        if device >= self.keep {
            return Ok(None);
        }
        let row = Row {
            device,
            state: state.map_or(Ok(State::Online), |column| self.state(column))?,
            start: self.moment(start, "start")?,
            end: self.moment(end, "end")?,
        };
        if row.device > self.device {
            (self.device, self.ends) = (row.device, [Moment(0); 3]);
        }
        let before = &mut self.ends[row.state as usize];
        if row.start < *before {
            let expected = format!(
                "at least {}, where the same device's interval before it ends",
                before.since(Moment(0)).get()
            );
            return Err(self.wrong(start, "start", expected));
        }
        if row.end <= row.start {
            let expected = format!("more than {}, its start", row.start.since(Moment(0)).get());
            return Err(self.wrong(end, "end", expected));
        }
        *before = row.end;
        Ok(Some(row))
    }

    fn device(&self, column: usize) -> Result<u32, TraceError> {
        let expected =
            || format!("a whole number of at least {}, as rows are sorted by device", self.device);
        let text = &self.record[column];
        match text.parse::<u32>() {
            Ok(device) if device >= self.device && device < u32::MAX => Ok(device),
            _ => Err(self.wrong(column, "device", expected())),
        }
    }

    fn state(&self, column: usize) -> Result<State, TraceError> {
        match &self.record[column] {
            "online" => Ok(State::Online),
            "charging" => Ok(State::Charging),
            "wifi" => Ok(State::Wifi),
            _ => Err(self.wrong(column, "state", "online, charging or wifi".to_owned())),
        }
    }

    fn moment(&self, column: usize, name: &'static str) -> Result<Moment, TraceError> {
        self.record[column]
            .parse::<f64>()
            .ok()
            .filter(|seconds| (0.0..=LONGEST).contains(seconds))
            .and_then(|seconds| Moment(0).after(Seconds::from_raw(seconds.abs())))
            .ok_or_else(|| self.wrong(column, name, "seconds from 0 to 3.2e9".to_owned()))
    }

    fn wrong(&self, index: usize, column: &'static str, expected: String) -> TraceError {
        let line = self.record.position().map_or(0, ::csv::Position::line);
        let at = Place { file: self.file.clone(), line, column };
        TraceError::Value { at, expected, found: self.record[index].to_owned() }
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<Row, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.reader.read_record(&mut self.record) {
            Ok(false) => None,
            Ok(true) => self.row().transpose(),
            Err(error) => Some(Err(explain(error, &self.file))),
        }
    }
}

impl Columns {
    fn of(header: &StringRecord) -> Option<Self> {
        let find = |name: &str| header.iter().position(|column| column == name);
        let columns = Self {
            device: find("device")?,
            start: find("start")?,
            end: find("end")?,
            state: find("state"),
        };
        let known = 3 + usize::from(columns.state.is_some());
        (header.len() == known).then_some(columns)
    }
}

fn explain(error: ::csv::Error, file: &str) -> TraceError {
    match error.kind() {
        ErrorKind::UnequalLengths { pos, expected_len, len } => TraceError::Fields {
            file: file.to_owned(),
            line: pos.as_ref().map_or(0, ::csv::Position::line),
            expected: *expected_len,
            found: *len,
        },
        _ => TraceError::Unreadable { file: file.to_owned(), cause: error.to_string() },
    }
}
