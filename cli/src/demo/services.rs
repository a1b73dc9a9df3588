//! The shop's services: what each is called, which SDK it looks like and where it runs.

/// A traced service of the shop.
#[derive(Debug)]
pub(super) struct Service {
    /// Name of its segments.
    pub(super) name: &'static str,
    /// Host part of its URLs; the others reach it here.
    pub(super) host: &'static str,
    /// Whose spelling its documents have.
    pub(super) look: Look,
    /// Where it runs.
    pub(super) compute: Compute,
}

/// The sender whose documents a service's documents look like
/// (`spec/segment-document.md` section 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// A gateway of AWS: no SDK, no subsegment but the call it passes on.
    Gateway,
    /// X-Ray SDK for Python.
    Python,
    /// X-Ray SDK for Node.
    Node,
    /// X-Ray SDK for Java.
    Java,
}

/// The kind of compute that `origin` and the `aws` block speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compute {
    /// A stage of API Gateway.
    ApiGateway,
    /// An ECS task on Fargate.
    Fargate,
    /// An EC2 instance.
    Ec2,
    /// A pod of EKS.
    Eks,
    /// An environment of Elastic Beanstalk.
    Beanstalk,
    /// A plain process: no `origin`, so its node has no type.
    Plain,
}

/// Where visitors arrive.
pub(super) static FRONT: Service = Service {
    name: "shop.example.com",
    host: "shop.example.com",
    look: Look::Gateway,
    compute: Compute::ApiGateway,
};

/// Renders pages and asks everybody else.
pub(super) static WEB: Service = Service {
    name: "web",
    host: "web.shop.internal",
    look: Look::Node,
    compute: Compute::Fargate,
};

/// Carts: a DynamoDB table behind a cache.
pub(super) static CART: Service = Service {
    name: "cart",
    host: "cart.shop.internal",
    look: Look::Node,
    compute: Compute::Fargate,
};

/// Turns carts into orders.
pub(super) static CHECKOUT: Service = Service {
    name: "checkout",
    host: "checkout.shop.internal",
    look: Look::Java,
    compute: Compute::Ec2,
};

/// Knows products and what is in stock.
pub(super) static INVENTORY: Service = Service {
    name: "inventory",
    host: "inventory.shop.internal",
    look: Look::Python,
    compute: Compute::Fargate,
};

/// Charges cards at a provider that is not traced.
pub(super) static PAYMENTS: Service = Service {
    name: "payments",
    host: "payments.shop.internal",
    look: Look::Java,
    compute: Compute::Ec2,
};

/// Ranks what a visitor may like.
pub(super) static RECOMMENDATIONS: Service = Service {
    name: "recommendations",
    host: "recommendations.shop.internal",
    look: Look::Python,
    compute: Compute::Eks,
};

/// Writes to customers; fed by a queue.
pub(super) static NOTIFICATIONS: Service = Service {
    name: "notifications",
    host: "notifications.shop.internal",
    look: Look::Python,
    compute: Compute::Beanstalk,
};

/// Knows the customers.
pub(super) static USER_PROFILE: Service = Service {
    name: "user-profile",
    host: "user-profile.shop.internal",
    look: Look::Java,
    compute: Compute::Plain,
};

impl Look {
    /// What the HTTP client of such a service calls itself.
    pub(super) const fn user_agent(self) -> &'static str {
        match self {
            Self::Gateway => "AmazonAPIGateway_a1b2c3d4e5",
            Self::Python => "python-requests/2.32.3",
            Self::Node => "axios/1.7.9",
            Self::Java => "okhttp/4.12.0",
        }
    }

    /// Whether times are written in whole milliseconds; else in microseconds.
    pub(super) const fn counts_milliseconds(self) -> bool {
        !matches!(self, Self::Python)
    }
}
