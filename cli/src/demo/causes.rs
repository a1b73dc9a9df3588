//! The `cause` block as each SDK writes it, with stacks that look like its runtime's.

use serde_json::{Value, json};

use super::entity::{Cause, Exception};
use super::services::{Look, Service};

/// Writes why an entity of `service` failed.
pub(super) fn cause(cause: &Cause, service: &Service) -> Value {
    match (cause, service.look) {
        (Cause::PassedOn(id), Look::Node) => json!({"id": id}),
        (Cause::PassedOn(id), Look::Gateway | Look::Python | Look::Java) => json!(id),
        (Cause::Raised(exception), look) => json!({
            "working_directory": format!("/srv/{}", service.name),
            "paths": [],
            "exceptions": [described(exception, service, look)],
        }),
    }
}

fn described(exception: &Exception, service: &Service, look: Look) -> Value {
    let mut described = json!({
        "id": exception.id,
        "type": exception.kind,
        "message": exception.message,
        "remote": exception.remote,
        "stack": stack(service, look),
    });
    if let (Some(cause), Value::Object(members)) = (exception.cause, &mut described) {
        members.insert("cause".to_owned(), json!(cause));
        members.insert("truncated".to_owned(), json!(31));
    }
    described
}

/// Innermost frame first; Node has no line for native frames.
fn stack(service: &Service, look: Look) -> Value {
    let name = service.name;
    match look {
        Look::Python => json!([
            {"path": format!("/srv/{name}/views.py"), "line": 88, "label": "handle"},
            {"path": "/srv/venv/lib/python3.11/site-packages/flask/app.py", "line": 880,
             "label": "full_dispatch_request"},
            {"path": "/srv/venv/lib/python3.11/site-packages/aws_xray_sdk/core/recorder.py",
             "line": 461, "label": "record_subsegment"},
        ]),
        Look::Node | Look::Gateway => json!([
            {"path": format!("/srv/{name}/dist/handlers.js"), "line": 142, "label": "handle"},
            {"path": "/srv/node_modules/express/lib/router/layer.js", "line": 95,
             "label": "Layer.handle [as handle_request]"},
            {"path": "node", "line": null, "label": "process.processTicksAndRejections"},
        ]),
        Look::Java => json!([
            {"path": "RequestHandler.java", "line": 57,
             "label": "com.example.shop.RequestHandler.handle"},
            {"path": "FrameworkServlet.java", "line": 1014,
             "label": "org.springframework.web.servlet.FrameworkServlet.service"},
            {"path": "HttpServlet.java", "line": 658,
             "label": "jakarta.servlet.http.HttpServlet.service"},
        ]),
    }
}
