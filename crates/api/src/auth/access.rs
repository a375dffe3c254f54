//! What who may do: three roles, and a permission for every route. The routes name theirs in `router.rs`; docs/security.md
//! has the table for people.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Caller, TokenKind};
use crate::error::{ApiError, Code};

/// What a user is, each with all that the ones before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Searches, and reads calls and messages.
    Viewer,
    /// Downloads, shares calls by links, and asks in SQL.
    Engineer,
    /// Manages users, and reads the audit log.
    Admin,
}

/// What a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Permission {
    /// One's own login, password and tokens, and what this API is.
    Own,
    /// Lists, calls, messages, figures, and watching.
    Search,
    /// Boards of one's own, and those that others share.
    Boards,
    /// Files of messages.
    Export,
    /// Links that show one call to whoever has them.
    Share,
    /// SQL, which no scope is put into.
    Sql,
    /// The server: listeners, senders, room on disk, alerts. All of it is of all tenants.
    Server,
    /// Names of addresses, which all see.
    Aliases,
    /// Silences of alerts, which nobody is told of then.
    Silence,
    /// Users, and tokens of others.
    Users,
    /// Who has done what.
    Audit,
}

impl Role {
    const ALL: [Self; 3] = [Self::Viewer, Self::Engineer, Self::Admin];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Engineer => "engineer",
            Self::Admin => "admin",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl Permission {
    pub(crate) const ALL: [Self; 11] = [
        Self::Own,
        Self::Search,
        Self::Boards,
        Self::Export,
        Self::Share,
        Self::Sql,
        Self::Server,
        Self::Aliases,
        Self::Silence,
        Self::Users,
        Self::Audit,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Search => "search",
            Self::Boards => "boards",
            Self::Export => "export",
            Self::Share => "share",
            Self::Sql => "sql",
            Self::Server => "server",
            Self::Aliases => "aliases",
            Self::Silence => "silence",
            Self::Users => "users",
            Self::Audit => "audit",
        }
    }

    /// The least role that has it.
    pub(super) const fn role(self) -> Role {
        match self {
            Self::Own | Self::Search | Self::Boards | Self::Server => Role::Viewer,
            Self::Export | Self::Share | Self::Sql | Self::Aliases | Self::Silence => Role::Engineer,
            Self::Users | Self::Audit => Role::Admin,
        }
    }

    /// Whether what it gives can be cut to a scope. All else is not for who has one.
    const fn can_be_scoped(self) -> bool {
        match self {
            Self::Own | Self::Search | Self::Boards | Self::Export | Self::Share => true,
            Self::Sql | Self::Server | Self::Aliases | Self::Silence | Self::Users | Self::Audit => false,
        }
    }

    pub(crate) fn is_of(self, caller: &Caller) -> bool {
        caller.role >= self.role()
            && (self.can_be_scoped() || caller.scopes.is_empty())
            && (caller.kind != TokenKind::Api || self.is_for_token(caller))
    }

    /// Whether this API token can have it: a link would outlive the limits of the token it was made with, and a list of links
    /// names calls that it may not see; so do the boards of its owner, if it has a scope that they have not.
    fn is_for_token(self, token: &Caller) -> bool {
        match self {
            Self::Share => false,
            Self::Boards => token.scopes.is_empty(),
            Self::Own
            | Self::Search
            | Self::Export
            | Self::Sql
            | Self::Server
            | Self::Aliases
            | Self::Silence
            | Self::Users
            | Self::Audit => true,
        }
    }

    /// Refuses who does not have it, and says what is missing.
    pub(crate) fn check(self, caller: &Caller) -> Result<(), ApiError> {
        if self.is_of(caller) {
            return Ok(());
        }
        let message = if caller.role < self.role() {
            let (needed, role) = (self.role().name(), caller.role.name());
            format!("this needs the role {needed}; yours is {role}")
        } else if self == Self::Boards {
            "a token with a scope has no boards: log in".to_owned()
        } else if self == Self::Share && caller.kind == TokenKind::Api {
            "a token has no links: log in".to_owned()
        } else {
            format!("`{}` is of all that is kept, and you may read a part of it: a scope", self.name())
        };
        Err(ApiError::new(Code::Forbidden, message))
    }
}
