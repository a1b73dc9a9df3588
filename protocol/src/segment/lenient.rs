//! Reading JSON members without failing on a type that nobody expected.
//!
//! Senders put odd things into optional members, and AWS keeps such documents: a member of the wrong
//! type is ignored in everything derived and returned as sent (`spec/segment-document.md` section
//! 10). serde's derived readers would refuse the whole document, for a wrong type as well as for a
//! repeated key, of which the last must win. So every member is read as [`Seen`].
//!
//! Syntax errors still fail. Nothing here recurses deeper than the JSON parser itself does.
//!
//! A text can be read without keeping what it holds (`KEEPS` is false), when all that is asked is whether
//! it can be read: on the same way through the text, so that both answers are the same.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What a member turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Seen<T> {
    /// Not there, or `null`.
    #[default]
    Absent,
    /// There, with another JSON type than expected.
    WrongType,
    /// There.
    Value(T),
}

impl<T> Seen<T> {
    /// The value, if there is one of the right type.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::WrongType => None,
        }
    }

    pub(crate) const fn is_wrong_type(&self) -> bool {
        matches!(self, Self::WrongType)
    }
}

/// A JSON number before anything is decided about it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

/// A type that is made from one JSON type and from no other.
pub(crate) trait FromJson<'de>: Sized {
    fn from_text(_text: Cow<'de, str>) -> Option<Self> {
        None
    }

    fn from_bool(_value: bool) -> Option<Self> {
        None
    }

    fn from_number(_number: Number) -> Option<Self> {
        None
    }

    fn from_array<A: SeqAccess<'de>, const KEEPS: bool>(
        mut array: A,
    ) -> Result<Option<Self>, A::Error> {
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn from_object<A: MapAccess<'de>, const KEEPS: bool>(
        mut object: A,
    ) -> Result<Option<Self>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// A type whose fields are members of a JSON object, filled in where it stands: documents are read
/// twice each, and moving the larger types about costs as much as reading their text.
pub(crate) trait JsonObject<'de>: Default {
    fn read<A: MapAccess<'de>, const KEEPS: bool>(&mut self, object: A) -> Result<(), A::Error>;
}

impl<'de, T: JsonObject<'de>> FromJson<'de> for Box<T> {
    fn from_object<A: MapAccess<'de>, const KEEPS: bool>(
        object: A,
    ) -> Result<Option<Self>, A::Error> {
        if !KEEPS {
            T::default().read::<A, KEEPS>(object)?;
            return Ok(None);
        }
        let mut this = Self::default();
        this.read::<A, KEEPS>(object)?;
        Ok(Some(this))
    }
}

/// The value of an optional member; absent as well when nothing is kept.
pub(crate) fn member<'de, A: MapAccess<'de>, T: FromJson<'de>, const KEEPS: bool>(
    object: &mut A,
) -> Result<Option<T>, A::Error> {
    if KEEPS {
        return Ok(object.next_value::<Seen<T>>()?.value());
    }
    object.next_value::<Skimmed<T>>()?;
    Ok(None)
}

impl<'de, T: FromJson<'de>> Deserialize<'de> for Seen<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SeenVisitor(PhantomData))
    }
}

/// Stands for a value that was read as [`Seen`] reads it, and not kept.
struct Skimmed<T>(PhantomData<T>);

impl<'de, T: FromJson<'de>> Deserialize<'de> for Skimmed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SkimmedVisitor(PhantomData))
    }
}

struct SkimmedVisitor<T>(PhantomData<T>);

impl<'de, T: FromJson<'de>> Visitor<'de> for SkimmedVisitor<T> {
    type Value = Skimmed<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Skimmed(self.0))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Skimmed(self.0))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Skimmed(self.0))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Skimmed(self.0))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Skimmed(self.0))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Skimmed(self.0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<Self::Value, A::Error> {
        T::from_array::<A, false>(array)?;
        Ok(Skimmed(self.0))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        T::from_object::<A, false>(object)?;
        Ok(Skimmed(self.0))
    }
}

struct SeenVisitor<T>(PhantomData<T>);

fn seen<T, E>(value: Option<T>) -> Result<Seen<T>, E> {
    Ok(value.map_or(Seen::WrongType, Seen::Value))
}

impl<'de, T: FromJson<'de>> Visitor<'de> for SeenVisitor<T> {
    type Value = Seen<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Seen::Absent)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        seen(T::from_bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        seen(T::from_number(Number::Signed(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        seen(T::from_number(Number::Unsigned(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        seen(T::from_number(Number::Float(value)))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        seen(T::from_text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        seen(T::from_text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        seen(T::from_text(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<Self::Value, A::Error> {
        seen(T::from_array::<A, true>(array)?)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        seen(T::from_object::<A, true>(object)?)
    }
}

/// A member's name, borrowed where it holds no escape.
pub(crate) struct Key<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a member name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

impl<'de> FromJson<'de> for Cow<'de, str> {
    fn from_text(text: Self) -> Option<Self> {
        Some(text)
    }
}

impl FromJson<'_> for bool {
    fn from_bool(value: bool) -> Option<Self> {
        Some(value)
    }
}

impl FromJson<'_> for f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a JSON number is a double in what is derived"
    )]
    fn from_number(number: Number) -> Option<Self> {
        Some(match number {
            Number::Signed(value) => value as Self,
            Number::Unsigned(value) => value as Self,
            Number::Float(value) => value,
        })
    }
}

impl FromJson<'_> for i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked on the line above"
    )]
    fn from_number(number: Number) -> Option<Self> {
        match number {
            Number::Signed(value) => Some(value),
            Number::Unsigned(value) => Self::try_from(value).ok(),
            // 200.0 is an integer to every language whose numbers are doubles
            Number::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
                Some(value as Self)
            }
            Number::Float(_) => None,
        }
    }
}

/// An array; elements of a wrong type are left out.
impl<'de, T: FromJson<'de>> FromJson<'de> for Vec<T> {
    fn from_array<A: SeqAccess<'de>, const KEEPS: bool>(
        mut array: A,
    ) -> Result<Option<Self>, A::Error> {
        let mut values = Self::new();
        if KEEPS {
            while let Some(element) = array.next_element::<Seen<T>>()? {
                values.extend(element.value());
            }
        } else {
            while array.next_element::<Skimmed<T>>()?.is_some() {}
        }
        Ok(Some(values))
    }
}

/// Declares a struct whose fields are members of a JSON object, all of them optional, and reads it
/// leniently. `field: Type = "member"`.
macro_rules! json_object {
    (
        $(#[$doc:meta])*
        $vis:vis struct $name:ident<'a> {
            $( $(#[$field_doc:meta])* $field:ident: $type:ty = $member:literal, )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        $vis struct $name<'a> {
            $( $(#[$field_doc])* pub $field: Option<$type>, )*
        }

        impl<'a> $crate::segment::lenient::JsonObject<'a> for $name<'a> {
            fn read<A: serde::de::MapAccess<'a>, const KEEPS: bool>(
                &mut self,
                mut object: A,
            ) -> Result<(), A::Error> {
                while let Some(key) = object.next_key::<$crate::segment::lenient::Key<'a>>()? {
                    match &*key.0 {
                        $( $member => {
                            self.$field =
                                $crate::segment::lenient::member::<A, $type, KEEPS>(&mut object)?;
                        } )*
                        _ => {
                            object.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(())
            }
        }

        impl<'a> $crate::segment::lenient::FromJson<'a> for $name<'a> {
            fn from_object<A: serde::de::MapAccess<'a>, const KEEPS: bool>(
                object: A,
            ) -> Result<Option<Self>, A::Error> {
                let mut this = Self::default();
                $crate::segment::lenient::JsonObject::read::<A, KEEPS>(&mut this, object)?;
                Ok(Some(this))
            }
        }
    };
}
pub(crate) use json_object;
