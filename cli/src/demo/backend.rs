//! What the services behind the web service do.

use serde_json::json;

use super::calls::Call;
use super::entity::Delivery;
use super::handling::{Failure, Handled, Handling};
use super::services::{CART, INVENTORY, NOTIFICATIONS, PAYMENTS};

const ORDERS: &str = "orders@db1.internal";
const USERS: &str = "users@db2.internal";

/// How long the completing document of an announced segment may stay behind.
const HELD_MICROS: std::ops::Range<i64> = 1_000_000..3_000_000;

/// `inventory`: `GET /products/{id}`.
pub(super) fn product_details(inventory: &mut Handling<'_>) -> Handled {
    let product = inventory.simulation.product;
    inventory.annotate("product_id", product);
    inventory.call_patiently(|look| Call::dynamodb(look, "GetItem", "stock"))?;
    if inventory.simulation.chance(500) {
        return Err(Failure::answer(404));
    }
    inventory.block("## availability", |inventory| {
        inventory.work(2_000);
        if inventory.simulation.chance(120) {
            return Err(inventory.raise("KeyError", "'warehouse'"));
        }
        Ok(200)
    })
}

/// `inventory`: `POST /reservations`.
fn reserve(inventory: &mut Handling<'_>) -> Handled {
    inventory.call_patiently(|look| Call::dynamodb(look, "UpdateItem", "stock"))?;
    let in_stock = !inventory.simulation.chance(150);
    inventory.annotate("in_stock", in_stock);
    if in_stock {
        Ok(201)
    } else {
        Err(Failure::answer(409))
    }
}

/// `recommendations`: `GET /suggestions`. A ranking has more subsegments than the SDK keeps, so
/// they are streamed; now and then the model has to be loaded first.
pub(super) fn recommend(recommendations: &mut Handling<'_>) -> Handled {
    recommendations.call(Call::cache("GET"))?;
    let cached = recommendations.simulation.chance(5_500);
    recommendations.annotate("cached", cached);
    if cached {
        return Ok(200);
    }
    recommendations.deliver(Delivery::Streamed);
    recommendations.call(Call::s3("shop-models", "ranking/2024-11.bin"))?;
    if recommendations.simulation.chance(600) {
        recommendations.block("## load model", |recommendations| {
            recommendations.dawdle();
            Ok(())
        })?;
    }
    for candidate in 0..recommendations.simulation.rng.u32(4..8) {
        recommendations.block("## score", |recommendations| {
            recommendations.annotate("candidate", candidate);
            recommendations.work(3_000);
            if recommendations.simulation.chance(50) {
                return Err(recommendations.raise("ValueError", "score is not finite: nan"));
            }
            Ok(())
        })?;
    }
    recommendations.call(Call::cache("SETEX"))?;
    Ok(200)
}

/// `user-profile`: `GET /profile`.
pub(super) fn profile(user_profile: &mut Handling<'_>) -> Handled {
    user_profile.for_user();
    let query = "SELECT name, address, tier FROM users WHERE login = ?";
    user_profile.call(Call::sql(USERS, query))?;
    Ok(200)
}

/// `cart`: `POST /items`.
pub(super) fn add_to_cart(cart: &mut Handling<'_>) -> Handled {
    let product = cart.simulation.product;
    cart.ask(
        &INVENTORY,
        "GET",
        &format!("/products/{product}"),
        product_details,
    )?;
    cart.annotate("product_id", product);
    let items = cart.simulation.rng.u32(1..6);
    cart.annotate("item_count", items);
    cart.call_patiently(|look| Call::dynamodb(look, "UpdateItem", "carts"))?;
    cart.call(Call::cache("SETEX"))?;
    Ok(201)
}

/// `cart`: `GET /cart`, from the cache six times of ten.
fn read_cart(cart: &mut Handling<'_>) -> Handled {
    cart.call(Call::cache("GET"))?;
    if cart.simulation.chance(4_000) {
        cart.call_patiently(|look| Call::dynamodb(look, "GetItem", "carts"))?;
    }
    Ok(200)
}

/// `checkout`: `POST /orders`.
pub(super) fn place_order(checkout: &mut Handling<'_>) -> Handled {
    checkout.for_user();
    let cents = checkout.simulation.rng.u32(499..24_999);
    let coupon = checkout.simulation.chance(1_500);
    checkout.annotate("order_total", f64::from(cents) / 100.0);
    checkout.annotate("currency", "EUR");
    checkout.annotate("coupon", coupon);
    let product = checkout.simulation.product;
    checkout.note(
        "order",
        &json!({"lines": [{"product": product, "quantity": 1}]}),
    );
    checkout.ask(&CART, "GET", "/cart", read_cart)?;
    checkout.ask(&INVENTORY, "POST", "/reservations", reserve)?;
    checkout.ask(&PAYMENTS, "POST", "/charges", charge)?;
    checkout.block("## save order", |checkout| {
        let order = "INSERT INTO orders (customer, total) VALUES (?, ?) RETURNING id";
        checkout.call(Call::sql(ORDERS, order))?;
        let line = "INSERT INTO order_lines (order_id, product, quantity) VALUES (?, ?, ?)";
        checkout.call(Call::sql(ORDERS, line))
    })?;
    checkout.send_message(&NOTIFICATIONS, confirm_order)?;
    Ok(201)
}

/// `checkout`: `GET /orders`.
pub(super) fn list_orders(checkout: &mut Handling<'_>) -> Handled {
    checkout.for_user();
    let query = "SELECT id, total, state FROM orders WHERE customer = ? ORDER BY id DESC LIMIT 20";
    checkout.call(Call::sql(ORDERS, query))?;
    Ok(200)
}

/// `payments`: `POST /charges`.
fn charge(payments: &mut Handling<'_>) -> Handled {
    payments.annotate("provider", "example-pay");
    payments.call(Call::charge())?;
    payments.call(Call::dynamodb(payments.service.look, "PutItem", "charges"))?;
    Ok(201)
}

/// `notifications`: one message of the queue. The segment is announced when it begins, so that one
/// can see a trace in progress.
fn confirm_order(notifications: &mut Handling<'_>) -> Handled {
    let held = notifications.simulation.rng.i64(HELD_MICROS);
    notifications.deliver(Delivery::Announced { held });
    notify(notifications, 1)
}

/// `notifications`: messages of other traces, one by one.
pub(super) fn notify(notifications: &mut Handling<'_>, messages: u32) -> Handled {
    notifications.annotate("messages", messages);
    for _ in 0..messages {
        notifications.block("## write mail", |notifications| {
            notifications.work(6_000);
            notifications.call(Call::send_mail())
        })?;
    }
    Ok(200)
}
