//! Tokens: the endpoint that service accounts and users ask, the metadata server of a machine, and
//! the check of what a call brings.
//!
//! A JWT is checked as Google does: its RS256 signature by the key that [`Accounts::key`] gives out,
//! `kid`, `iss`, `scope`, `aud` (the token's own URI or Google's), and a life of an hour at most.

use std::collections::HashMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::answer::Answer;
use super::python::FACTS;
use super::route::pairs;

/// The one service account that there is.
pub(crate) const ACCOUNT: &str = "dhow@dhow-tests.iam.gserviceaccount.com";
const KEY: &str = "5f0c9a3d1e";
const GOOGLE: &str = "https://oauth2.googleapis.com/token";

/// The pool that may exchange tokens of its own, and the one such token that is good.
pub(crate) const AUDIENCE: &str =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q";
pub(crate) const SUBJECT: &str = "subject-token";

/// What the cloud of a machine says to whoever asks as it likes.
pub(crate) fn subject(who: Option<&str>) -> Answer {
    match who {
        Some("me") => Answer::json(200, &json!({ "value": SUBJECT })),
        _ => Answer::html(403),
    }
}

/// Who may ask for tokens, and what was given.
#[derive(Debug)]
pub(crate) struct Accounts {
    token_uri: String,
    /// Tokens and the second at which each ends.
    given: HashMap<String, i64>,
    /// Seconds that a token lasts.
    pub(crate) life: i64,
    /// Calls without a token are refused.
    pub(crate) are_needed: bool,
    /// Every grant is answered by `invalid_grant`.
    pub(crate) is_refused: bool,
}

impl Accounts {
    pub(crate) fn new(url: &str) -> Self {
        let token_uri = format!("{url}/token");
        let given = HashMap::new();
        Accounts { token_uri, given, life: 3_599, are_needed: false, is_refused: false }
    }

    /// The key file of the service account.
    pub(crate) fn key(&self, project: &str) -> Value {
        json!({
            "type": "service_account", "project_id": project, "private_key_id": KEY,
            "private_key": FACTS.private_key, "client_email": ACCOUNT,
            "client_id": "100000000000000000001", "token_uri": self.token_uri,
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": format!("https://www.googleapis.com/robot/v1/metadata/x509/{ACCOUNT}"),
            "universe_domain": "googleapis.com",
        })
    }

    /// All tokens given so far are at their end.
    pub(crate) fn expire(&mut self) {
        self.given.values_mut().for_each(|end| *end = 0);
    }

    /// Answers at `/token`.
    pub(crate) fn token(&mut self, body: &[u8], now: i64) -> Answer {
        let form = pairs(&String::from_utf8_lossy(body));
        let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, v)| v);
        let granted = match field("grant_type") {
            _ if self.is_refused => Err("Invalid JWT Signature."),
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => self.jwt(field("assertion"), now),
            "refresh_token" if field("refresh_token") == "refresh" => Ok(()),
            _ => Err("Bad Request"),
        };
        match granted {
            Ok(()) => self.give(now),
            Err(why) => {
                let body = json!({ "error": "invalid_grant", "error_description": why });
                Answer::json(400, &body)
            }
        }
    }

    fn give(&mut self, now: i64) -> Answer {
        let token = format!("ya29.gate-{}", self.given.len() + 1);
        self.given.insert(token.clone(), now + self.life);
        let body =
            json!({ "access_token": token, "expires_in": self.life, "token_type": "Bearer" });
        Answer::json(200, &body)
    }

    /// Answers at `/sts/token`: workload identity federation.
    pub(crate) fn exchange(&mut self, body: &[u8], now: i64) -> Answer {
        let form = pairs(&String::from_utf8_lossy(body));
        let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, v)| v);
        let is_good = field("grant_type") == "urn:ietf:params:oauth:grant-type:token-exchange"
            && field("requested_token_type") == "urn:ietf:params:oauth:token-type:access_token"
            && field("subject_token_type") == "urn:ietf:params:oauth:token-type:jwt"
            && field("audience") == AUDIENCE
            && field("scope").starts_with("https://www.googleapis.com/auth/");
        match (is_good, field("subject_token")) {
            (true, SUBJECT) => self.give(now),
            (true, _) => {
                let why = "The given credential is rejected by the attribute condition.";
                let body = json!({ "error": "unauthorized_client", "error_description": why });
                Answer::json(401, &body)
            }
            (false, _) => Answer::json(400, &json!({ "error": "invalid_request" })),
        }
    }

    /// Answers at `generateAccessToken`, for [`ACCOUNT`] alone.
    pub(crate) fn act(
        &mut self,
        account: &str,
        header: Option<&str>,
        body: &[u8],
        now: i64,
    ) -> Answer {
        if let Err(answer) = self.admit(header.or(Some("")), now) {
            return answer;
        }
        let asked: Value = serde_json::from_slice(body).unwrap_or_default();
        if account != format!("{ACCOUNT}:generateAccessToken") || !asked["scope"].is_array() {
            let message = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).";
            let error = json!({ "code": 403, "message": message, "status": "PERMISSION_DENIED" });
            return Answer::json(403, &json!({ "error": error }));
        }
        let given: Value = serde_json::from_slice(&self.give(now).body).unwrap_or_default();
        let end = jiff::Timestamp::from_second(now + self.life).expect("a moment");
        let body = json!({ "accessToken": given["access_token"], "expireTime": end.to_string() });
        Answer::json(200, &body)
    }

    fn jwt(&self, text: &str, now: i64) -> Result<(), &'static str> {
        let parts: Vec<&str> = text.split('.').collect();
        let [head, claims, signature] = parts.as_slice() else { return Err("Invalid JWT") };
        let json = |part: &str| -> Option<Value> {
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        let (head, claimed) =
            (json(head).ok_or("Invalid JWT")?, json(claims).ok_or("Invalid JWT")?);
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| "Invalid JWT")?;
        let signed = &text[..text.len() - parts[2].len() - 1];
        if head["alg"] != "RS256" || head["kid"] != KEY || !is_signed(signed, &signature) {
            return Err("Invalid JWT Signature.");
        }
        self.claims(&claimed, now)
    }

    fn claims(&self, claimed: &Value, now: i64) -> Result<(), &'static str> {
        let scope = claimed["scope"].as_str().unwrap_or("");
        let is_scope = |scope: &str| {
            scope.ends_with("/auth/bigquery") || scope.ends_with("/auth/cloud-platform")
        };
        let (begin, end) =
            (claimed["iat"].as_i64().unwrap_or(0), claimed["exp"].as_i64().unwrap_or(0));
        if claimed["iss"] != ACCOUNT {
            return Err("Invalid grant: account not found");
        }
        if claimed["aud"] != self.token_uri.as_str() && claimed["aud"] != GOOGLE {
            return Err("Invalid JWT: Failed audience check.");
        }
        if !scope.split(' ').any(is_scope) {
            return Err("Invalid OAuth scope or ID token audience provided.");
        }
        if end - begin > 3_600 || begin > now + 300 || end < now {
            return Err(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
            );
        }
        Ok(())
    }

    /// Answers what stands below `/computeMetadata/v1/`.
    pub(crate) fn metadata(
        &mut self,
        path: &str,
        flavor: Option<&str>,
        project: &str,
        now: i64,
    ) -> Answer {
        if flavor != Some("Google") {
            return Answer::html(403);
        }
        let text = |text: &str| Answer { body: text.into(), ..Answer::empty(200) };
        let answer = match path {
            "" | "instance" | "instance/" => text("ok"),
            "project/project-id" => text(project),
            "instance/service-accounts/default/email" => text(ACCOUNT),
            "instance/service-accounts/default/token" => self.give(now),
            "instance/service-accounts/default" => Answer::json(
                200,
                &json!({ "aliases": ["default"], "email": ACCOUNT, "scopes": ["https://www.googleapis.com/auth/cloud-platform"] }),
            ),
            _ => Answer::html(404),
        };
        answer.with("metadata-flavor", "Google")
    }

    /// Whether a call may be made with this header `Authorization`.
    pub(crate) fn admit(&self, header: Option<&str>, now: i64) -> Result<(), Answer> {
        let Some(header) = header else {
            return if self.are_needed { Err(unauthenticated()) } else { Ok(()) };
        };
        let end = header.strip_prefix("Bearer ").and_then(|token| self.given.get(token));
        if end.is_some_and(|end| *end > now) { Ok(()) } else { Err(unauthenticated()) }
    }
}

fn is_signed(text: &str, signature: &[u8]) -> bool {
    let known = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    let scheme = rustls::SignatureScheme::RSA_PKCS1_SHA256;
    let ways = known.mapping.iter().filter(|(known, _)| *known == scheme);
    ways.flat_map(|(_, ways)| ways.iter())
        .any(|way| way.verify_signature(&FACTS.public_key, text.as_bytes(), signature).is_ok())
}

/// What Google says to a token that is none, or no longer one.
pub(crate) fn unauthenticated() -> Answer {
    let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.";
    let error = json!({
        "message": "Invalid Credentials", "domain": "global", "reason": "authError",
        "location": "Authorization", "locationType": "header",
    });
    let body = json!({ "error": {
        "code": 401, "message": message, "errors": [error], "status": "UNAUTHENTICATED",
        "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_EXPIRED",
            "domain": "googleapis.com", "metadata": { "service": "bigquery.googleapis.com" },
        }],
    }});
    Answer::json(401, &body).with(
        "www-authenticate",
        "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"",
    )
}
