//! Which route takes a request, as API Gateway chooses: a literal segment before a parameter, and
//! `$default` for the rest.

use roost::http::Endpoint;

/// The routes of the API.
#[derive(Clone, Debug, Default)]
pub struct Router {
    routes: Vec<Endpoint>,
    default: Option<Endpoint>,
}

/// The route that takes a request.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Who answers.
    pub endpoint: Endpoint,
    /// The values of the path's parameters.
    pub parameters: Vec<(&'static str, String)>,
}

impl Router {
    /// Routes to these endpoints.
    #[must_use]
    pub fn to(endpoints: impl Iterator<Item = Endpoint>) -> Self {
        let mut router = Self::default();
        for endpoint in endpoints {
            if endpoint.path == "$default" {
                router.default = Some(endpoint);
            } else {
                router.routes.push(endpoint);
            }
        }
        // Where two match, the one with its first parameter further right is the more exact.
        router
            .routes
            .sort_by_key(|endpoint| std::cmp::Reverse(endpoint.path.find('{').unwrap_or(usize::MAX)));
        router
    }

    /// Who answers; `None` only without a default route.
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Option<Taken> {
        let of_method = self.routes.iter().filter(|endpoint| endpoint.method == method);
        let mut taken = of_method.filter_map(|endpoint| {
            let parameters = parameters(endpoint.path, path)?;
            Some(Taken { endpoint: *endpoint, parameters })
        });
        taken.next().or_else(|| self.default.map(|endpoint| Taken { endpoint, parameters: Vec::new() }))
    }
}

fn parameters(template: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let mut parameters = Vec::new();
    let mut segments = path.trim_end_matches('/').split('/');
    for expected in template.split('/') {
        let segment = segments.next()?;
        match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => parameters.push((name, segment.to_owned())),
            None if expected == segment => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn endpoint(name: &'static str, method: &'static str, path: &'static str) -> Endpoint {
        Endpoint {
            name,
            method,
            path,
            handle: |_, _| Box::pin(async { roost::http::refuse(roost::error::Error::NotFound, "", "") }),
        }
    }

    #[test]
    fn the_more_exact_route_is_taken_and_the_default_takes_the_rest() {
        let router = Router::to(
            [
                endpoint("one", "GET", "/v1/things/{id}"),
                endpoint("mine", "GET", "/v1/things/mine"),
                endpoint("make", "POST", "/v1/things"),
                endpoint("rest", "ANY", "$default"),
            ]
            .into_iter(),
        );
        let taken = |method, path| {
            let taken = router.find(method, path).unwrap();
            (taken.endpoint.name, taken.parameters.first().map(|(_, value)| value.clone()))
        };
        assert_eq!(taken("GET", "/v1/things/7"), ("one", Some("7".into())));
        assert_eq!(taken("GET", "/v1/things/mine"), ("mine", None));
        assert_eq!(taken("POST", "/v1/things"), ("make", None));
        assert_eq!(taken("DELETE", "/v1/things/7"), ("rest", None));
        assert_eq!(taken("GET", "/v1/things/7/more"), ("rest", None));
        assert_eq!(taken("GET", "/v1/things/"), ("rest", None));
    }
}
