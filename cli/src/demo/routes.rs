//! What visitors ask for, and what the web service does to answer.

use fastrand::Rng;
use serde_json::json;

use super::backend::{add_to_cart, list_orders, place_order, product_details, profile, recommend};
use super::calls::Call;
use super::handling::{Failure, Handled, Handling};
use super::services::{CART, CHECKOUT, INVENTORY, RECOMMENDATIONS, USER_PROFILE, WEB};

/// A route of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// `GET /`
    Home,
    /// `GET /product/{id}`
    Product,
    /// `POST /cart`
    Cart,
    /// `POST /checkout`
    Checkout,
    /// `GET /orders`
    Orders,
}

impl Route {
    /// What the next visitor wants: mostly to look.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        match rng.u8(..100) {
            ..35 => Self::Home,
            35..63 => Self::Product,
            63..78 => Self::Cart,
            78..92 => Self::Checkout,
            _ => Self::Orders,
        }
    }

    /// The request's method.
    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::Home | Self::Product | Self::Orders => "GET",
            Self::Cart | Self::Checkout => "POST",
        }
    }

    /// The request's path.
    pub(super) fn path(self, product: u32) -> String {
        match self {
            Self::Home => "/".to_owned(),
            Self::Product => format!("/product/{product}"),
            Self::Cart => "/cart".to_owned(),
            Self::Checkout => "/checkout".to_owned(),
            Self::Orders => "/orders".to_owned(),
        }
    }

    /// How the gateway handles it: a visitor too fast is turned away, all others are passed on.
    pub(super) const fn handler(self) -> fn(&mut Handling<'_>) -> Handled {
        match self {
            Self::Home => |front| pass_on(front, Self::Home, home),
            Self::Product => |front| pass_on(front, Self::Product, product),
            Self::Cart => |front| pass_on(front, Self::Cart, cart),
            Self::Checkout => |front| pass_on(front, Self::Checkout, checkout),
            Self::Orders => |front| pass_on(front, Self::Orders, orders),
        }
    }
}

fn pass_on(
    front: &mut Handling<'_>,
    route: Route,
    handler: fn(&mut Handling<'_>) -> Handled,
) -> Handled {
    if front.simulation.chance(80) {
        return Err(Failure::answer(429));
    }
    let path = route.path(front.simulation.product);
    front.ask(&WEB, route.method(), &path, handler)
}

fn home(web: &mut Handling<'_>) -> Handled {
    greet(web, "GET /");
    web.together(suggest, load_profile);
    render(web)
}

fn product(web: &mut Handling<'_>) -> Handled {
    greet(web, "GET /product/{id}");
    let id = web.simulation.product;
    web.ask(
        &INVENTORY,
        "GET",
        &format!("/products/{id}"),
        product_details,
    )?;
    web.together(suggest, |web| {
        // a missing picture is no reason not to sell
        let picture = Call::s3("shop-product-images", &format!("products/{id}.webp"));
        if web.call(picture).is_err() {
            web.annotate("degraded", true);
        }
    });
    render(web)
}

fn cart(web: &mut Handling<'_>) -> Handled {
    greet(web, "POST /cart");
    web.ask(&CART, "POST", "/items", add_to_cart)?;
    Ok(201)
}

fn checkout(web: &mut Handling<'_>) -> Handled {
    greet(web, "POST /checkout");
    require_user(web)?;
    web.ask(&CHECKOUT, "POST", "/orders", place_order)?;
    Ok(201)
}

fn orders(web: &mut Handling<'_>) -> Handled {
    greet(web, "GET /orders");
    require_user(web)?;
    web.ask(&USER_PROFILE, "GET", "/profile", profile)?;
    web.ask(&CHECKOUT, "GET", "/orders", list_orders)?;
    render(web)
}

fn greet(web: &mut Handling<'_>, route: &'static str) {
    let visitor = web.simulation.visitor.clone();
    web.for_user();
    web.annotate("route", route);
    web.annotate("tier", visitor.tier());
    web.annotate("signed_in", visitor.user.is_some());
    web.note(
        "feature_flags",
        &json!({"new_checkout": true, "search": "v2"}),
    );
    web.work(3_000);
}

/// A browser with an expired session may still show the button: one of fifty.
fn require_user(web: &mut Handling<'_>) -> Result<(), Failure> {
    if web.simulation.chance(200) {
        return Err(Failure::answer(401));
    }
    Ok(())
}

/// Pages live without suggestions when nobody answers.
fn suggest(web: &mut Handling<'_>) {
    if web
        .ask(&RECOMMENDATIONS, "GET", "/suggestions", recommend)
        .is_err()
    {
        web.annotate("degraded", true);
    }
}

fn load_profile(web: &mut Handling<'_>) {
    let signed_in = web.simulation.visitor.user.is_some();
    if signed_in && web.ask(&USER_PROFILE, "GET", "/profile", profile).is_err() {
        web.annotate("degraded", true);
    }
}

fn render(web: &mut Handling<'_>) -> Handled {
    web.block("render page", |web| {
        web.work(9_000);
        if web.simulation.chance(110) {
            return Err(web.raise(
                "TypeError",
                "Cannot read properties of undefined (reading 'price')",
            ));
        }
        Ok(200)
    })
}
