//! What is taken out of a line: the fields that people filter by, each with a column in the database.
//! Everything else stays in the raw line.

use std::borrow::Cow;

/// Where in the line the scanner stands, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonPath {
    Root,
    Event,
    Container,
    Rule,
    File,
    Source,
    Destination,
    Network,
    Url,
    Http,
    HttpRequest,
    HttpResponse,
    Own,
    Column(Column),
    Elsewhere,
}

/// A field with a column of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Time,
    Id,
    Provider,
    Action,
    Kind,
    Category,
    Outcome,
    Severity,
    Reason,
    Message,
    Container,
    RuleId,
    RuleName,
    FilePath,
    SourceIp,
    DestinationIp,
    DestinationPort,
    DestinationDomain,
    Network,
    Transport,
    Url,
    Method,
    Status,
    /// Which of its writer's lines it is: for who takes it in, with no column in the database.
    Line,
}

impl JsonPath {
    /// The place of a name inside this one.
    pub(crate) fn below(self, name: &str) -> Self {
        use Column as C;
        match self {
            Self::Elsewhere | Self::Column(_) => Self::Elsewhere,
            Self::Root => Self::set(name),
            Self::Event => match name.as_bytes() {
                b"id" => Self::Column(C::Id),
                b"provider" => Self::Column(C::Provider),
                b"action" => Self::Column(C::Action),
                b"kind" => Self::Column(C::Kind),
                b"category" => Self::Column(C::Category),
                b"outcome" => Self::Column(C::Outcome),
                b"severity" => Self::Column(C::Severity),
                b"reason" => Self::Column(C::Reason),
                _ => Self::Elsewhere,
            },
            _ => self.within(name),
        }
    }

    /// The place of a name in the line itself.
    fn set(name: &str) -> Self {
        match name.as_bytes() {
            b"@timestamp" => Self::Column(Column::Time),
            b"message" => Self::Column(Column::Message),
            b"event" => Self::Event,
            b"container" => Self::Container,
            b"rule" => Self::Rule,
            b"file" => Self::File,
            b"source" => Self::Source,
            b"destination" => Self::Destination,
            b"network" => Self::Network,
            b"url" => Self::Url,
            b"http" => Self::Http,
            b"cellblock" => Self::Own,
            _ => Self::Elsewhere,
        }
    }

    /// The place of a name in one of the smaller field sets.
    fn within(self, name: &str) -> Self {
        use Column as C;
        match (self, name.as_bytes()) {
            (Self::Own, b"line") => Self::Column(C::Line),
            (Self::Container, b"name") => Self::Column(C::Container),
            (Self::Rule, b"id") => Self::Column(C::RuleId),
            (Self::Rule, b"name") => Self::Column(C::RuleName),
            (Self::File, b"path") => Self::Column(C::FilePath),
            (Self::Source, b"ip") => Self::Column(C::SourceIp),
            (Self::Destination, b"ip") => Self::Column(C::DestinationIp),
            (Self::Destination, b"port") => Self::Column(C::DestinationPort),
            (Self::Destination, b"domain") => Self::Column(C::DestinationDomain),
            (Self::Network, b"name") => Self::Column(C::Network),
            (Self::Network, b"transport") => Self::Column(C::Transport),
            (Self::Url, b"full") => Self::Column(C::Url),
            (Self::Http, b"request") => Self::HttpRequest,
            (Self::Http, b"response") => Self::HttpResponse,
            (Self::HttpRequest, b"method") => Self::Column(C::Method),
            (Self::HttpResponse, b"status_code") => Self::Column(C::Status),
            _ => Self::Elsewhere,
        }
    }

    /// The place of an item of a list here: of the lists only `event.category` has a column.
    pub(crate) fn item(self) -> Self {
        if self == Self::Column(Column::Category) { self } else { Self::Elsewhere }
    }
}

/// The fields of one line. What the line does not have is `None`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns<'a> {
    pub(crate) time: Option<Cow<'a, str>>,
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) provider: Option<Cow<'a, str>>,
    pub(crate) action: Option<Cow<'a, str>>,
    pub(crate) kind: Option<Cow<'a, str>>,
    /// The first of `event.category`.
    pub(crate) category: Option<Cow<'a, str>>,
    pub(crate) outcome: Option<Cow<'a, str>>,
    /// ECS `event.severity`, 0 to 99.
    pub(crate) severity: Option<u8>,
    pub(crate) reason: Option<Cow<'a, str>>,
    pub(crate) message: Option<Cow<'a, str>>,
    pub(crate) container: Option<Cow<'a, str>>,
    pub(crate) rule_id: Option<Cow<'a, str>>,
    pub(crate) rule_name: Option<Cow<'a, str>>,
    pub(crate) file_path: Option<Cow<'a, str>>,
    pub(crate) source_ip: Option<Cow<'a, str>>,
    pub(crate) destination_ip: Option<Cow<'a, str>>,
    pub(crate) destination_port: Option<u16>,
    pub(crate) destination_domain: Option<Cow<'a, str>>,
    pub(crate) network: Option<Cow<'a, str>>,
    pub(crate) transport: Option<Cow<'a, str>>,
    pub(crate) url: Option<Cow<'a, str>>,
    pub(crate) method: Option<Cow<'a, str>>,
    pub(crate) status: Option<u16>,
    pub(crate) line: Option<Cow<'a, str>>,
}

impl<'a> Columns<'a> {
    /// Takes a string.
    ///
    /// # Errors
    /// If a field that every record has is no string.
    pub(crate) fn text(&mut self, place: JsonPath, text: Cow<'a, str>) -> Result<(), String> {
        let JsonPath::Column(column) = place else { return inner(place) };
        let field = match column {
            Column::Category => {
                self.category.get_or_insert(text);
                return Ok(());
            }
            Column::Severity => return Err("event.severity is a number from 0 to 99".into()),
            // Another program's idea of a port or a status: no column, the raw line has it.
            Column::DestinationPort | Column::Status => return Ok(()),
            Column::Time => &mut self.time,
            Column::Id => &mut self.id,
            Column::Provider => &mut self.provider,
            Column::Action => &mut self.action,
            Column::Kind => &mut self.kind,
            Column::Outcome => &mut self.outcome,
            Column::Reason => &mut self.reason,
            Column::Message => &mut self.message,
            Column::Container => &mut self.container,
            Column::RuleId => &mut self.rule_id,
            Column::RuleName => &mut self.rule_name,
            Column::FilePath => &mut self.file_path,
            Column::SourceIp => &mut self.source_ip,
            Column::DestinationIp => &mut self.destination_ip,
            Column::DestinationDomain => &mut self.destination_domain,
            Column::Network => &mut self.network,
            Column::Transport => &mut self.transport,
            Column::Url => &mut self.url,
            Column::Method => &mut self.method,
            Column::Line => &mut self.line,
        };
        *field = Some(text);
        Ok(())
    }

    /// Takes a number, as it is spelled.
    ///
    /// # Errors
    /// If a field that every record has is no number, or out of its range.
    pub(crate) fn number(&mut self, place: JsonPath, digits: &str) -> Result<(), String> {
        match place {
            JsonPath::Column(Column::Severity) => {
                let severity = digits.parse().ok().filter(|severity| *severity <= 99);
                self.severity = Some(severity.ok_or("event.severity is a number from 0 to 99")?);
                Ok(())
            }
            JsonPath::Column(Column::DestinationPort) => {
                self.destination_port = digits.parse().ok();
                Ok(())
            }
            JsonPath::Column(Column::Status) => {
                self.status = digits.parse().ok();
                Ok(())
            }
            _ => self.other(place),
        }
    }

    /// Takes an object: for most places the way further in.
    ///
    /// # Errors
    /// As [`Columns::other`].
    pub(crate) fn object(&mut self, place: JsonPath) -> Result<(), String> {
        if matches!(place, JsonPath::Column(_)) { self.other(place) } else { Ok(()) }
    }

    /// Takes true, false or null, which no column holds.
    ///
    /// # Errors
    /// If the place is a field that every record has.
    pub(crate) fn other(&mut self, place: JsonPath) -> Result<(), String> {
        match place {
            JsonPath::Column(column) => match essential(column) {
                Some(name) if column == Column::Severity => Err(format!("{name} is a number from 0 to 99")),
                Some(name) => Err(format!("{name} is a string")),
                None => Ok(()),
            },
            _ => inner(place),
        }
    }

    /// Takes a list.
    ///
    /// # Errors
    /// As [`Columns::other`]; `event.category` is a list.
    pub(crate) fn list(&mut self, place: JsonPath) -> Result<(), String> {
        if place == JsonPath::Column(Column::Category) { Ok(()) } else { self.other(place) }
    }
}

/// A scalar where `event` should be an object would hide everything in it.
fn inner(place: JsonPath) -> Result<(), String> {
    if place == JsonPath::Event { Err("event is an object".into()) } else { Ok(()) }
}

/// The fields that verdicts are read from: a wrong type there is no detail.
fn essential(column: Column) -> Option<&'static str> {
    match column {
        Column::Time => Some("@timestamp"),
        Column::Id => Some("event.id"),
        Column::Provider => Some("event.provider"),
        Column::Action => Some("event.action"),
        Column::Kind => Some("event.kind"),
        Column::Outcome => Some("event.outcome"),
        Column::Severity => Some("event.severity"),
        _ => None,
    }
}
